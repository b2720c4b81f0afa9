"""The worker that delivers due notices by one channel, records every attempt, and retries temporary failures.

The worker leases a notice, gives it to the channel outside any transaction, and records the attempt at once, together
with the attempts that ended at the same time. A crash between the sending and the record repeats at most one notice of
each session, under the same Message-ID, RequestId or webhook-id, once the notice's lease has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.links import Links
from services.notify.alerts.notice import Notice, NoticeStatus
from services.notify.delivery.attempts import Attempt, attempt_values, log_entries, status_after
from services.notify.delivery.breaker import Breaker
from services.notify.delivery.channels.channel import Channel, Outcome, Result, Session
from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.storage import subscriptions
from services.notify.storage.alerts import alerts_told
from services.notify.storage.attempts import record_attempts
from services.notify.storage.notices import give_back_notices, is_any_due, lease_notices
from services.notify.storage.tables import OutboxRow
from services.notify.telling.hand_over import LEASE, notice_of
from shared.contracts.alert import ChannelName
from shared.service import outbox
from shared.service.clock import Clock
from shared.service.outbox import Relay
from shared.service.polling_worker import PollingWorker
from shared.service.tracing import traced
from shared.service.transient_errors import is_transient
from shared.time import utc_now

log = structlog.get_logger()

ATTEMPTS = Counter("ntm_delivery_attempts", "Attempts at notices", ["channel", "outcome"])

ATTEMPT_SECONDS = 30
"""The worker breaks an attempt off after these seconds, and begins none whose lease might end earlier."""
_RECORD_PAUSE_SECONDS = 0.005
"""Attempts that end within this pause are recorded together."""
LEASED = 500
"""The most notices of a channel that a process leases at once of those that are due."""
HANDED_OVER = 5_000
"""The most notices of a channel that a process has in hand, with those that its own transactions hand over: more than
all communes' changes of a day, of which none is then leased by a statement of its own."""

type AfterAttempts = Callable[[AsyncConnection, Sequence[Attempt]], Awaitable[None]]
"""A function that acts on attempts in the transaction that records them, such as `FollowUp`."""


class DeliveryWorker:
    """A worker that delivers the notices of one channel. Any number may run, in any number of processes."""

    def __init__(
        self,
        name: ChannelName,
        channel: Channel,
        engine: AsyncEngine,
        relay: Relay,
        settings: DeliverySettings,
        follow_up: AfterAttempts,
        links: Links | None,
        clock: Clock,
    ) -> None:
        self._name, self._channel, self._engine, self._relay = name, channel, engine, relay
        self._settings, self._follow_up, self._links, self._clock = settings, follow_up, links, clock
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
        """Look for due notices now: some were committed."""
        self._leasing.wake()

    async def run(self) -> None:
        """Work until cancelled: when woken, and every second for due notices. End the attempts under way."""
        leasing = asyncio.create_task(self._leasing.run())
        self.wake()
        recording = asyncio.create_task(self._record_all())
        sessions = [asyncio.create_task(self._converse()) for _ in range(self._channel.sessions)]
        try:
            # no task ends by itself: a task that ends has failed, and the service fails with it
            ended, _ = await asyncio.wait([leasing, recording, *sessions], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*ended)
        finally:
            self._is_stopping = True
            leasing.cancel()
            while not self._waiting.empty():
                self._untried += filter(None, [self._waiting.get_nowait()])
            for _ in sessions:
                self._waiting.put_nowait(None)
            ending = asyncio.gather(*sessions, return_exceptions=True)
            either: list[asyncio.Future[Any]] = [ending, recording]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            for session in sessions if recording.done() else ():
                session.cancel()  # nothing records its attempt, for which it would wait for ever
            await ending
            self._is_over = True
            self._has_ended.set()
            await asyncio.gather(leasing, recording, return_exceptions=True)
            await self._channel.close()
            await self._give_back()

    async def lease(self) -> bool:
        """Lease due notices while the worker has room; return whether more may be due that it has room for."""
        await self._give_back()
        now, room = utc_now(), LEASED - self._waiting.qsize()
        if room < LEASED // 2:
            async with self._engine.begin() as connection:
                self._is_behind = await is_any_due(connection, self._name, now)
            return False
        limit = self._breaker.room(room, now)
        self._is_behind = not limit
        if self._is_behind:
            return False
        async with self._engine.begin() as connection:
            rows = await lease_notices(connection, self._name, now, now + LEASE, limit)
            secrets = await subscriptions.signing_secrets(
                connection, {row.subscription for row in rows if row.subscription}, now
            )
            removed = [row.id for row in rows if row.subscription and row.subscription not in secrets]
            if removed:
                await subscriptions.withhold_of_removed(connection, removed)
            told = await alerts_told(connection, [row.id for row in rows])
        self.take([notice_of(row, told[row.id], secrets, self._links) for row in rows if row.id not in removed])
        self._is_behind = len(rows) == limit
        return self._is_behind and limit > 1

    @property
    def is_gateway_away(self) -> bool:
        """Say whether the gateway failed several times in a row, and has not taken a notice since."""
        return self._breaker.opens_at is not None

    def room(self) -> int:
        """Return the number of notices that the worker would take beside those that it has.

        0 while its gateway rests, and while other notices are due that it has no room for, since those come first.
        """
        is_closed = self._is_stopping or self._is_behind or self._breaker.opens_at is not None
        return 0 if is_closed else HANDED_OVER - self._waiting.qsize()

    def take(self, notices: Sequence[Notice]) -> None:
        """Deliver notices that were leased for this worker; give them back if it is stopping."""
        if self._is_stopping:
            self._untried += notices
            return
        for notice in notices:
            self._waiting.put_nowait(notice)

    async def _give_back(self) -> None:
        """Give back the leases of notices that this worker does not try now, so that any worker may try them."""
        untried, self._untried = self._untried, []
        if untried:
            leases = {notice.leased_until for notice in untried}
            async with self._engine.begin() as connection:
                await give_back_notices(connection, [notice.id for notice in untried], leases, utc_now())

    async def _converse(self) -> None:
        """Open one session after the other, each for as long as there are notices to deliver."""
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
        with traced(f"deliver {self._name}", "CLIENT", notice.trace, {"ntm.notice": str(notice.id)}) as span:
            outcome = await self._deliver(session, notice)
            finished_at = utc_now()
            turn = self._breaker.note(outcome, finished_at)
            status, due_at = status_after(notice, outcome, self._settings, finished_at)
            if outcome.result is not Result.SENT:
                log.warning("notice not sent", notice=str(notice.id), channel=self._name, status=status.value)
            if span:
                span.set_attribute("ntm.outcome", outcome.result.value)
        recorded = asyncio.get_running_loop().create_future()
        shown_at = self._clock.now()
        attempt = Attempt(notice, started_at, finished_at, shown_at, outcome, status, due_at, turn)
        self._ended.append((attempt, recorded))
        self._has_ended.set()
        ATTEMPTS.labels(self._name, outcome.result.value).inc()
        await recorded  # a session begins no notice before the record: a crash repeats one notice a session at most

    async def _deliver(self, session: Session, notice: Notice) -> Outcome:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await session.deliver(notice)
        except TimeoutError:
            return Outcome(Result.TEMPORARY, f"no answer within {ATTEMPT_SECONDS} s")
        except Exception as error:  # a worker's edge: a notice that cannot be handed over stops no other notice
            log.exception("delivery failed", notice=str(notice.id), channel=self._name)
            return Outcome(Result.TECHNICAL, f"{type(error).__name__}: {error}")

    async def _record_all(self) -> None:
        while not self._is_over or self._ended:
            await self._has_ended.wait()
            await asyncio.sleep(_RECORD_PAUSE_SECONDS)
            self._has_ended.clear()
            ended, self._ended = self._ended, []
            if ended:
                await self._record([attempt for attempt, _ in ended])
                self._relay.wake()
                for _, recorded in ended:
                    recorded.set_result(None)

    async def _record(self, attempts: Sequence[Attempt]) -> None:
        """Record attempts and follow them up. Wait for a database that is away, so that nothing is sent twice."""
        while True:
            try:
                async with self._engine.begin() as connection:
                    held = await record_attempts(connection, [attempt_values(attempt) for attempt in attempts])
                    ours = [attempt for attempt in attempts if attempt.lease in held]
                    finished = [one for one in ours if one.due_at is None or one.status is NoticeStatus.SENT]
                    entries = [entry for attempt in finished for entry in log_entries(attempt)]
                    await outbox.put(connection, OutboxRow, entries)
                    await self._follow_up(connection, ours)
            except Exception as error:
                if not is_transient(error) or utc_now() > max(attempt.notice.leased_until for attempt in attempts):
                    raise
                log.warning("record waits", channel=self._name, attempts=len(attempts), error=str(error))
                await asyncio.sleep(0.5)
            else:
                return
