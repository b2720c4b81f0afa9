"""The last stage: what is due goes out, every attempt is recorded, and what failed for now is tried again.

A notice is leased, handed to its channel outside any transaction, and the attempt is recorded at once, together with
those that ended at the same time. A crash between the handing over and the record repeats one notice of each session at
most, under the same Message-ID, RequestId or webhook-id, once its lease has ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.links import Links
from services.notify.alerts.log import log_message
from services.notify.alerts.notice import Notice, NoticeStatus
from services.notify.delivery.breaker import Breaker, Turn
from services.notify.delivery.channels.channel import Channel, Outcome, Result, Session
from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.storage import subscriptions
from services.notify.storage.attempts import record_attempts
from services.notify.storage.notices import give_back_notices, lease_notices
from services.notify.storage.tables import OutboxRow
from services.notify.telling.hand_over import LEASE, notice_of
from shared.contracts.alert import AlertEvent, ChannelName
from shared.nats.cloud_events import Message
from shared.service import outbox
from shared.service.outbox import Relay
from shared.service.polling_worker import PollingWorker
from shared.service.transient_errors import is_transient
from shared.time import utc_now

log = structlog.get_logger()

ATTEMPTS = Counter("ntm_delivery_attempts", "Attempts at notices", ["channel", "outcome"])

ATTEMPT_SECONDS = 30
"""No attempt takes longer, and none is begun that might outlast its lease."""
LEASED = 500
"""How many notices a process has leased at once, of each channel."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt, and what that makes of its notice."""

    notice: Notice
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    status: NoticeStatus
    due_at: datetime | None
    turn: Turn | None = None
    """What it says of the gateway as a whole."""

    @property
    def lease(self) -> tuple[UUID, datetime]:
        """The notice as it was leased for it."""
        return self.notice.id, self.notice.leased_until


type Watch = Callable[[AsyncConnection, Sequence[Attempt]], Awaitable[None]]
"""What else attempts change, in the transaction that records them: addresses that end, endpoints that keep failing."""


def next_step(
    notice: Notice, outcome: Outcome, settings: DeliverySettings, now: datetime
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
        self,
        name: ChannelName,
        channel: Channel,
        engine: AsyncEngine,
        relay: Relay,
        settings: DeliverySettings,
        watch: Watch,
        links: Links | None,
    ) -> None:
        self._name, self._channel, self._engine, self._relay = name, channel, engine, relay
        self._settings, self._watch, self._links = settings, watch, links
        self._breaker = Breaker()
        self._waiting: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._untried: list[Notice] = []
        self._ended: list[tuple[Attempt, asyncio.Future[None]]] = []
        self._has_ended = asyncio.Event()
        self._leasing = PollingWorker(f"delivery by {name}", self.lease)
        self._is_behind = False
        self._is_stopping = False
        self._is_over = False

    def wake(self) -> None:
        """Say that notices were committed."""
        self._leasing.wake()

    async def run(self) -> None:
        """Work until cancelled: at once when woken, and every second for what became due. Ends what it has begun."""
        leasing = asyncio.create_task(self._leasing.run())
        self.wake()
        recording = asyncio.create_task(self._record_all())
        sessions = [asyncio.create_task(self._converse()) for _ in range(self._channel.sessions)]
        try:
            # none of them ends by itself: one that does has failed, and with it the service
            ended, _ = await asyncio.wait([leasing, recording, *sessions], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*ended)
        finally:
            self._is_stopping = True
            leasing.cancel()
            while not self._waiting.empty():
                self._untried += filter(None, [self._waiting.get_nowait()])
            for session in sessions:
                self._waiting.put_nowait(None)
                if recording.done():  # what it has delivered is recorded no more, and it would wait for that for ever
                    session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)
            self._is_over = True
            self._has_ended.set()
            await asyncio.gather(leasing, recording, return_exceptions=True)
            await self._channel.close()
            await self._give_back()

    async def lease(self) -> bool:
        """Take what is due, as much as there is room for; whether there may be more for which there is room."""
        await self._give_back()
        now, room = utc_now(), LEASED - self._waiting.qsize()
        limit = self._breaker.room(room, now)
        self._is_behind = room < LEASED // 2 or not limit
        if self._is_behind:
            return False
        async with self._engine.begin() as connection:
            rows = await lease_notices(connection, self._name, now, now + LEASE, limit)
            secrets = await subscriptions.signing_secrets(connection, {row.subscription for row in rows} - {None}, now)
        self.take([notice_of(row._asdict(), secrets, self._links) for row in rows])
        self._is_behind = len(rows) == limit
        return self._is_behind and limit > 1

    def room(self) -> int:
        """How many notices it would take beside those it has. None while its gateway rests, or while others are due for
        which it has no room: those come first.
        """
        is_closed = self._is_stopping or self._is_behind or self._breaker.opens_at is not None
        return 0 if is_closed else LEASED - self._waiting.qsize()

    def take(self, notices: Sequence[Notice]) -> None:
        """Deliver notices that were leased for it; it gives them back where it stops."""
        if self._is_stopping:
            self._untried += notices
            return
        for notice in notices:
            self._waiting.put_nowait(notice)

    async def _give_back(self) -> None:
        """Let others, or this one later, try at once what was leased here and will not be tried."""
        untried, self._untried = self._untried, []
        if untried:
            leases = {notice.leased_until for notice in untried}
            async with self._engine.begin() as connection:
                await give_back_notices(connection, [notice.id for notice in untried], leases, utc_now())

    async def _converse(self) -> None:
        """One session after the other, each as long as there is something to deliver."""
        while notice := await self._waiting.get():
            try:
                async with self._channel.open() as session:
                    while notice:
                        await self._attempt(session, notice)
                        notice = None if self._is_stopping or self._waiting.empty() else self._waiting.get_nowait()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("session broken off", channel=self._name, error=str(error))
            if self._waiting.qsize() < LEASED // 2:
                self.wake()

    async def _attempt(self, session: Session, notice: Notice) -> None:
        started_at = utc_now()
        ends_soon = started_at > notice.leased_until - timedelta(seconds=ATTEMPT_SECONDS)
        if ends_soon or self._is_stopping or self._breaker.rests(started_at):
            self._untried.append(notice)
            return
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                outcome = await session.deliver(notice)
        except TimeoutError:
            outcome = Outcome(Result.TEMPORARY, f"no answer within {ATTEMPT_SECONDS} s")
        except Exception as error:  # a worker's edge: one notice that cannot be handed over stops no other
            log.exception("delivery failed", notice=str(notice.id), channel=self._name)
            outcome = Outcome(Result.TECHNICAL, f"{type(error).__name__}: {error}")
        finished_at = utc_now()
        turn = self._breaker.note(outcome, finished_at)
        status, due_at = next_step(notice, outcome, self._settings, finished_at)
        recorded = asyncio.get_running_loop().create_future()
        self._ended.append((Attempt(notice, started_at, finished_at, outcome, status, due_at, turn), recorded))
        self._has_ended.set()
        ATTEMPTS.labels(self._name, outcome.result.value).inc()
        if outcome.result is not Result.SENT:
            log.warning("notice not sent", notice=str(notice.id), channel=self._name, status=status.value)
        await recorded  # a session begins nothing new before: so much at most is repeated after a crash

    async def _record_all(self) -> None:
        while not self._is_over or self._ended:
            await self._has_ended.wait()
            self._has_ended.clear()
            ended, self._ended = self._ended, []
            if ended:
                await self._record([attempt for attempt, _ in ended])
                self._relay.wake()
                for _, recorded in ended:
                    recorded.set_result(None)

    async def _record(self, attempts: Sequence[Attempt]) -> None:
        """Keep what came of attempts. A database that is away is waited for, so that nothing is sent twice."""
        while True:
            try:
                async with self._engine.begin() as connection:
                    told = await record_attempts(connection, [_attempt_row(one) for one in attempts])
                    ours = [one for one in attempts if one.lease in told]
                    endings = (_ending(one, told[one.lease]) for one in ours if one.due_at is None)
                    await outbox.put(connection, OutboxRow, [entry for ending in endings for entry in ending])
                    await self._watch(connection, ours)
            except Exception as error:
                if not is_transient(error) or utc_now() > max(one.notice.leased_until for one in attempts):
                    raise
                log.warning("record waits", channel=self._name, attempts=len(attempts), error=str(error))
                await asyncio.sleep(0.5)
            else:
                return


def _ending(attempt: Attempt, alerts: Sequence[Row[Any]]) -> list[Message]:
    """The end of a notice as events. The provider's words may hold the address, so they stay here."""
    event = AlertEvent.SENT if attempt.status is NoticeStatus.SENT else AlertEvent.FAILED
    notice = attempt.notice
    return [
        log_message(
            alert.id,
            alert.unit_code,
            event,
            attempt.finished_at,
            alert.trace,
            notice.request_id,
            notice=notice.id,
            recipient=notice.recipient,
            channel=notice.channel,
            detail=None if event is AlertEvent.SENT else attempt.outcome.result.value,
        )
        for alert in alerts
    ]


def _attempt_row(attempt: Attempt) -> dict[str, Any]:
    """The attempt, and what its notice becomes if it is still leased for it."""
    return {
        "notice": attempt.notice.id,
        "number": attempt.notice.attempts + 1,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "outcome": attempt.outcome.result.value,
        "detail": attempt.outcome.detail.replace("\x00", "")[:500],
        "provider_id": attempt.outcome.provider_id,
        "lease": attempt.notice.leased_until,
        "status": attempt.status.value,
        "due_at": attempt.due_at,
        "cost_dong": attempt.outcome.cost_dong,
    }
