"""The last stage: what is due goes out, every attempt is recorded, and what failed for now is tried again.

A notice is leased, handed to its channel outside any transaction, and the attempt is recorded at once. A crash between
the handing over and the record repeats that one notice under the same Message-ID or RequestId once the lease has ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog
from prometheus_client import Counter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify import queries
from services.notify.channels import Channel, Outcome, Result, Session
from services.notify.notices import ChannelName, Notice, NoticeStatus, Wording
from services.notify.settings import NotifySettings
from services.notify.tables import OutboxRow
from services.notify.tell import log_message
from shared import outbox
from shared.clock import utc_now
from shared.contracts import AlertEvent
from shared.messaging import Message
from shared.outbox import Relay
from shared.transient import is_transient

log = structlog.get_logger()

ATTEMPTS = Counter("ntm_delivery_attempts", "Attempts at notices", ["channel", "outcome"])

LEASE = timedelta(seconds=60)
BATCH = 100
# No notice of a batch is begun later than the first after its lease began, and none takes longer than the second,
# so that what is begun ends within the lease.
WORK_SECONDS, ATTEMPT_SECONDS = 20, 30


def next_step(
    notice: Notice, outcome: Outcome, settings: NotifySettings, now: datetime
) -> tuple[NoticeStatus, datetime | None]:
    """Pure but for the jitter: what an outcome makes of a notice, and when to try again if ever."""
    if outcome.result in (Result.SENT, Result.PERMANENT):
        return NoticeStatus(outcome.result.value), None
    wait = min(settings.retry_first_seconds * 2 ** min(notice.attempts, 30), settings.retry_longest_seconds)
    wait = max(wait * random.uniform(0.75, 1.25), outcome.retry_after_seconds)  # noqa: S311 - spreads load
    due = now + timedelta(seconds=wait)
    if due > notice.retry_until:
        return NoticeStatus.PERMANENT_FAILURE, None
    return NoticeStatus(outcome.result.value), due


class Delivery:
    """Delivers the notices of one channel. Any number may run, in any number of processes."""

    def __init__(
        self, name: ChannelName, channel: Channel, engine: AsyncEngine, relay: Relay, settings: NotifySettings
    ) -> None:
        self._name = name
        self._channel = channel
        self._engine = engine
        self._relay = relay
        self._settings = settings
        self._woken = asyncio.Event()
        self._is_stopping = False

    def wake(self) -> None:
        """Say that notices were committed."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled: at once when woken, and every second for what became due. Ends what it has begun."""
        while True:
            work = asyncio.create_task(self._work())
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                self._is_stopping = True
                await work
                raise
            try:
                async with asyncio.timeout(1):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def _work(self) -> None:
        try:
            while not self._is_stopping and await self.deliver_due():
                pass
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("delivery waits", channel=self._name, error=str(error))

    async def deliver_due(self) -> int:
        """Try what is due, up to a batch; how much there was."""
        now = utc_now()
        leased_until = now + LEASE
        async with self._engine.begin() as connection:
            rows = await queries.lease(connection, self._name, now, leased_until, BATCH)
        if not rows:
            return 0
        waiting = iter([_notice(row, leased_until) for row in rows])
        end = asyncio.get_running_loop().time() + WORK_SECONDS
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._channel.sessions, len(rows))):
                group.create_task(self._converse(waiting, end))
        untried = [notice.id for notice in waiting]
        if untried:
            async with self._engine.begin() as connection:
                await queries.give_back(connection, untried, leased_until, utc_now())
        self._relay.wake()
        return len(rows)

    async def _converse(self, waiting: Iterator[Notice], end: float) -> None:
        """One session that takes notices as long as there are any, and time."""
        loop = asyncio.get_running_loop()
        try:
            async with self._channel.open() as session:
                while not self._is_stopping and loop.time() < end and (notice := next(waiting, None)):
                    await self._attempt(session, notice)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("session broken off", channel=self._name, error=str(error))

    async def _attempt(self, session: Session, notice: Notice) -> None:
        started_at = utc_now()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                outcome = await session.deliver(notice)
        except TimeoutError:
            outcome = Outcome(Result.TEMPORARY, f"no answer within {ATTEMPT_SECONDS} s")
        except Exception as error:  # a worker's edge: one notice that cannot be handed over stops no other
            log.exception("delivery failed", notice=str(notice.id), channel=self._name)
            outcome = Outcome(Result.TECHNICAL, f"{type(error).__name__}: {error}")
        finished_at = utc_now()
        status, due_at = next_step(notice, outcome, self._settings, finished_at)
        row = {
            "notice": notice.id,
            "number": notice.attempts + 1,
            "started_at": started_at,
            "finished_at": finished_at,
            "outcome": outcome.result.value,
            "detail": _storable(outcome.detail),
            "provider_id": outcome.provider_id,
        }
        entry = [_log_entry(notice, status, outcome, finished_at)] if due_at is None else []
        await self._record(notice, row, status, due_at, entry)
        ATTEMPTS.labels(self._name, outcome.result.value).inc()
        if outcome.result is not Result.SENT:
            log.warning("notice not sent", notice=str(notice.id), channel=self._name, status=status.value)

    async def _record(
        self,
        notice: Notice,
        row: dict[str, Any],
        status: NoticeStatus,
        due_at: datetime | None,
        entry: Sequence[Message],
    ) -> None:
        """Keep what came of an attempt. A database that is away is waited for, so that nothing is sent twice."""
        while True:
            try:
                async with self._engine.begin() as connection:
                    if await queries.record_attempt(connection, row, notice.leased_until, status, due_at):
                        await outbox.put(connection, OutboxRow, entry)
            except Exception as error:
                if not is_transient(error) or utc_now() > notice.leased_until:
                    raise
                await asyncio.sleep(0.5)
            else:
                return


def _log_entry(notice: Notice, status: NoticeStatus, outcome: Outcome, now: datetime) -> Message:
    """The end of a notice as an event. The provider's words may hold the address, so they stay here."""
    event = AlertEvent.SENT if status is NoticeStatus.SENT else AlertEvent.FAILED
    return log_message(
        notice.alert,
        notice.unit_code,
        event,
        now,
        notice.trace,
        notice.request_id,
        recipient=notice.recipient,
        channel=notice.channel,
        detail=None if event is AlertEvent.SENT else outcome.result.value,
    )


def _notice(row: Row[Any], leased_until: datetime) -> Notice:
    return Notice(
        id=row.id,
        request_id=row.request_id,
        alert=row.alert,
        thread=uuid5(NAMESPACE_URL, f"{row.unit}/{row.topic}"),
        unit_code=row.unit_code,
        recipient=row.recipient,
        name=row.name,
        channel=row.channel,
        address=row.address,
        language=row.language,
        wording=Wording(row.text, row.subject, row.html),
        created_at=row.created_at,
        attempts=row.attempts,
        retry_until=row.retry_until,
        leased_until=leased_until,
        trace=row.trace,
    )


def _storable(detail: str) -> str:
    return detail.replace("\x00", "")[:500]
