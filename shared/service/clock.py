"""The clock of the services: the real clock, or a simulated clock for samples and tests.

The day of the simulated clock is a message on the broker (stream CLOCK), so that all processes share it. `set_day`
publishes it; each process subscribes to it, and reads it every second in case it missed a message.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date, datetime

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError

from shared.contracts import subjects
from shared.time import VIETNAM

_WRONG_LAST_SEQUENCE = 10071

log = structlog.get_logger()


class Clock:
    """The real time in Vietnam."""

    def now(self) -> datetime:
        """Return this moment, with Vietnam's offset."""
        return datetime.now(VIETNAM)

    def today(self) -> date:
        """Return the day in Vietnam, whatever the time zone of the machine."""
        return self.now().date()

    async def next_day(self, wait_seconds: float) -> None:
        """Wait until the day may have changed, at the latest for `wait_seconds`."""
        await asyncio.sleep(wait_seconds)


class SimulatedClock(Clock):
    """A clock whose day is set by `set_day`; its time of day is the real one."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._day: date | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Subscribe, then wait until a day has been set."""
        await self._nats.subscribe(subjects.CLOCK, cb=self._hear)
        while self._day is None:
            await self.refresh()
            if self._day is None:
                await self.next_day(1)
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Read the day every second: a day that was set while the connection was away is not published again."""
        while not self._nats.is_closed:
            await asyncio.sleep(1)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the day from the broker. The clock stays as it is while the broker is away."""
        with contextlib.suppress(NatsError, JetStreamError, TimeoutError):
            if (day := await read_day(self._nats.jetstream())) is not None:
                self._set(day)

    def now(self) -> datetime:
        """Return the simulated day at the real time of day."""
        return datetime.combine(self.today(), datetime.now(VIETNAM).timetz())

    def today(self) -> date:
        """Return the simulated day. RuntimeError as long as none was set."""
        if self._day is None:
            raise RuntimeError("the simulated clock has no day yet")
        return self._day

    async def next_day(self, wait_seconds: float) -> None:
        """Wait until the day is set, at the latest for `wait_seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _hear(self, message: Msg) -> None:
        self._set(date.fromisoformat(message.data.decode()))

    def _set(self, day: date) -> None:
        if self._day is None or day > self._day:  # an answer may come behind a newer message
            self._day = day
            self._changed.set()


def clock_stream(replicas: int | None = None) -> StreamConfig:
    """Return the configuration of the stream that keeps the simulated day."""
    return StreamConfig(
        name=subjects.CLOCK_STREAM, subjects=[subjects.CLOCK], max_msgs_per_subject=1, num_replicas=replicas
    )


async def read_day(js: JetStreamContext) -> date | None:
    """Return the simulated day; None as long as none was set."""
    day, _ = await _read(js)
    return day


async def _read(js: JetStreamContext) -> tuple[date | None, int]:
    """Return the simulated day and the number of its message; None and 0 as long as none was set."""
    try:
        message = await js.get_last_msg(subjects.CLOCK_STREAM, subjects.CLOCK)
    except JetStreamError:
        return None, 0
    return date.fromisoformat((message.data or b"").decode()), message.seq or 0


async def set_day(js: JetStreamContext, day: date) -> None:
    """Set the simulated day for all processes. ValueError when the day is before the present one."""
    while True:
        current, number = await _read(js)
        if current is not None and day < current:
            raise ValueError(f"the clock stands at {current} and does not go back to {day}")
        try:
            await js.publish(
                subjects.CLOCK, day.isoformat().encode(), headers={"Nats-Expected-Last-Subject-Sequence": str(number)}
            )
        except APIError as error:
            if error.err_code != _WRONG_LAST_SEQUENCE:
                raise
        else:
            return  # otherwise somebody else has set the clock meanwhile
