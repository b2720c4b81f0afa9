"""The play of the sample year on a running system: it sets the clock to each day and posts the day's submissions.

A day begins when scoring has taken in everything of the day before, so the result does not depend on the speed. A play
that was broken off goes on at the day on which the clock stands: intake knows repeated posts by their idempotency key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import batched

import httpx
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import broker, database, http
from deploy.local.running_system import RunningSystem
from deploy.local.sample import FIRST_DAY, LAST_DAY, SEED, sample_reference
from deploy.local.sample.posts import PROVINCE_AGENCY, Day, Post, Submission, agency_of
from deploy.local.sample.tally import Tally, listening
from deploy.local.sample.year import plan_year
from services.notify.alerts.draft import AT_A_TIME_OF_DAY
from services.notify.storage.tables import GatheredRow, GatheringRow
from services.scoring.storage.tables import OutboxRow
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.contracts.refs import UnitCode
from shared.postgres.statements import table_of
from shared.reference.load import Reference
from shared.service.clock import read_day, set_day

ARRAY_LIMIT = 1000
"""The most submissions in one request."""

_PATIENCE_SECONDS = 120
"""The longest time for which a service may be away (it is started again) and notices may take at the end."""

_LOOK_SECONDS = 0.02
_NOTIFY_CONSUMERS = ("notify-status", "notify-targets")
_UNDER_WAY = ("created", "sending")
_AWAY = (NatsError, DBAPIError, OSError, httpx.TransportError)


_WAITING = (
    select(func.count())
    .select_from(table_of(GatheredRow))
    .join(table_of(GatheringRow), table_of(GatheringRow).c.id == table_of(GatheredRow).c.gathering)
    .where(table_of(GatheringRow).c.waits.not_in(AT_A_TIME_OF_DAY))
)
"""Counts what is to be told and does not wait for a digest of a later day."""


class PlayBrokenOffError(Exception):
    """The play of the year broke off; the next play goes on where this one stopped."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A day that was played, its number, the number of all days (`of`), and the changes counted until now."""

    day: date
    number: int
    of: int
    tally: Tally


async def play(
    system: RunningSystem,
    *,
    seed: int = SEED,
    seconds: float | None = 120,
    until: date = LAST_DAY,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Play the year in about `seconds` (None: as fast as the system can); return when notify has told everybody.

    The system must run with the simulated clock, the sample's cohorts and the sample's contacts. `until`: the last day
    to play, for a part of the year, or to run on into 2024, for which the system must have the plan of that year too.
    Raises PlayBrokenOffError.
    """
    reference = sample_reference()
    year = plan_year(reference, seed, until)
    async with _stage(system, reference, seed) as stage, listening(stage.nats) as tally:
        stands_at = await read_day(stage.js) or FIRST_DAY
        to_come = [day for day in year if stands_at <= day.on <= until]
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, day in enumerate(to_come, 1):
            if seconds is None and not day.posts and day is not to_come[-1]:
                continue  # scoring judges every day that the clock passes over
            await stage.live(day)
            on_progress(Progress(day.on, (day.on - FIRST_DAY).days + 1, len(year), tally))
            if seconds is not None:
                await asyncio.sleep(begin + seconds * number / len(year) - loop.time())
        await stage.until_all_are_told()


@dataclass(frozen=True, slots=True)
class _Stage:
    """The running system, as the play sees it."""

    system: RunningSystem
    nats: Client
    engine: AsyncEngine
    client: httpx.AsyncClient
    keys: Mapping[str, str]
    seed: int

    @property
    def js(self) -> JetStreamContext:
        """JetStream of the connection."""
        return self.nats.jetstream()

    async def live(self, day: Day) -> None:
        """Let the day begin, post its submissions, and wait until scoring has taken them in."""
        await _until(partial(self._has_begun, day.on), f"the services see {day.on}")
        await asyncio.gather(*(self._post(post, day.on) for post in day.posts))
        await _until(self._is_scored, f"scoring has taken in {day.on}")

    async def until_all_are_told(self) -> None:
        """Wait until notify has taken every change and tried every notice once."""
        await _until(self._is_told, "notify has told everybody")

    async def _has_begun(self, on: date) -> bool:
        """Set the clock, and say whether intake follows it and scoring has judged the day."""
        if await read_day(self.js) != on:
            await set_day(self.js, on)
        intake = (await self.client.get(f"{self.system.intake_url}/healthz")).json()
        scoring = (await self.client.get(f"{self.system.scoring_url}/healthz")).json()
        return intake["today"] == scoring["today"] == str(on) and (scoring.get("ticked") or "") >= str(on)

    async def _post(self, post: Post, on: date) -> None:
        for number, chunk in enumerate(batched(post.submissions, ARRAY_LIMIT)):
            key = f"sample-{self.seed}-{on}-{post.agency}-{number}"
            answer = await _until(partial(self._try, post.agency, key, chunk), "intake answers")
            if answer.status_code != httpx.codes.ACCEPTED or answer.json()["refused"]:
                raise PlayBrokenOffError(f"{on}, {post.agency}: {answer.status_code} {answer.text[:2000]}")

    async def _try(self, agency: str, key: str, chunk: tuple[Submission, ...]) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.keys[agency]}", "Idempotency-Key": key, "Accept-Language": "en"}
        answer = await self.client.post(f"{self.system.intake_url}/v1/submissions", json=chunk, headers=headers)
        is_busy = answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        return None if is_busy else answer

    async def _is_scored(self) -> bool:
        """Say whether scoring has acknowledged every submission and published every change that followed."""
        stream = await self.js.stream_info(subjects.SUBMISSIONS_STREAM)
        consumer = await self.js.consumer_info(subjects.SUBMISSIONS_STREAM, "scoring")
        if not consumer.ack_floor or consumer.ack_floor.stream_seq < stream.state.last_seq:
            return False
        async with self.engine.connect() as connection:
            return await connection.scalar(select(func.count()).select_from(table_of(OutboxRow))) == 0

    async def _is_told(self) -> bool:
        for name in _NOTIFY_CONSUMERS:
            consumer = await self.js.consumer_info(subjects.STATUS_STREAM, name)
            if consumer.num_pending or consumer.num_ack_pending:
                return False
        async with self.engine.connect() as connection:
            if await connection.scalar(_WAITING):
                return False
        headers = {"Authorization": f"Bearer {self.keys[PROVINCE_AGENCY]}"}
        for status in _UNDER_WAY:
            parameters: dict[str, str | int] = {"status": status, "limit": 1}
            answer = await self.client.get(f"{self.system.notify_url}/v1/notices", params=parameters, headers=headers)
            if answer.is_error or answer.json()["items"]:
                return False
        return True


@asynccontextmanager
async def _stage(system: RunningSystem, reference: Reference, seed: int) -> AsyncIterator[_Stage]:
    async with broker(system) as nats, database(system) as engine, http() as client:
        keys = await _keys(engine, reference)
        yield _Stage(system, nats, engine, client, keys, seed)


async def _keys(engine: AsyncEngine, reference: Reference) -> dict[str, str]:
    """Return a key for each district's office, and a key for the agency that counts in the province."""
    plan, units = reference.plan, reference.units
    scopes: dict[str, tuple[str, UnitCode]] = {PROVINCE_AGENCY: ("Số liệu mẫu cấp tỉnh", plan.unit)}
    for commune in units.communes(plan.baseline_date, plan.unit):
        if district := units.district(commune):
            scopes[agency_of(district.code)] = (f"Số liệu mẫu {district.title}", district.code)
    return {
        agency: await add_key(engine, agency, name, [unit], [EVERYTHING]) for agency, (name, unit) in scopes.items()
    }


async def _until[T](attempt: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Repeat the attempt until it returns something, and return that; wait for parts of the system that are away."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                with suppress(*_AWAY):
                    if result := await attempt():
                        return result
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise PlayBrokenOffError(f"waited {_PATIENCE_SECONDS} s in vain until {what}") from None
