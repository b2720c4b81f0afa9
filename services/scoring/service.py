"""Scoring as it runs: made once, used by its subscribers, its workers and its routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from nats.aio.msg import Msg

from services.scoring.borders.borders import Borders
from services.scoring.following.alerts import Alerts
from services.scoring.following.change_feed import ChangeFeed
from services.scoring.following.difficulties import Difficulties
from services.scoring.following.hindsight import HindsightCounts
from services.scoring.following.kept_answers import KeptAnswers
from services.scoring.following.kept_parts import KeptParts
from services.scoring.following.notes import Notes
from services.scoring.following.published_statuses import PublishedStatuses
from services.scoring.gauges import of_tick, of_unscored
from services.scoring.judging.changes import Moment
from services.scoring.settings import ScoringSettings
from services.scoring.storage.increments import step
from services.scoring.storage.locks import hold_off_rebuild
from services.scoring.storage.refills import is_to_be_filled
from services.scoring.storage.tables import OutboxRow, ParkedRow, SubmissionRow
from services.scoring.update.arrivals import arrival_of
from services.scoring.update.daily_tick import DailyTick
from services.scoring.update.plan_guard import other_judging, take_version, transaction_of_state
from services.scoring.update.reference_switch import ReferenceSwitch
from services.scoring.update.refill_sums import refill_sums
from services.scoring.update.score import score, score_free
from services.scoring.update.take_back import take_back, taking_back_of
from services.scoring.update.targets import judge_targets, judge_targets_if_free
from services.scoring.update.transaction import Transaction
from shared.access.authenticator import Authenticator
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.submission import AcceptedSubmission
from shared.operations.catalogue import Code
from shared.service.gauges import of_outbox, of_parked
from shared.service.outbox import Relay
from shared.service.parking import PARKING_CODES, ParkingPlace
from shared.service.polling_worker import PollingWorker
from shared.service.runtime import Runtime, open_runtime
from shared.service.transient_errors import once_possible
from shared.service.wholeness import FilledTable, Wholeness

FILLED = [FilledTable(subjects.ALL_SUBMISSIONS, AcceptedSubmission, SubmissionRow)]
"""The tables in which every message is that scoring has acknowledged."""


_TARGETS_WAIT_SECONDS = 0.05
"""Changes of communes go out first, and what moves a sum meanwhile is judged with it."""


class Scoring:
    """The running service: its connections and its workers."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.authenticator = Authenticator.of(runtime.engine, runtime.settings)
        self.parking = ParkingPlace(runtime.engine, ParkedRow, OutboxRow)
        self.wholeness = Wholeness(runtime, "scoring", FILLED, ParkedRow)
        self.relay = Relay(runtime.engine, runtime.nats, OutboxRow, self.parking.set_aside)
        self.changes = ChangeFeed(runtime.engine)
        self.statuses = PublishedStatuses(runtime.engine, self.changes)
        self.difficulties = Difficulties(runtime.nats, runtime.proof)
        self.notes = Notes(runtime.nats)
        self.alerts = Alerts(runtime.nats)
        self.hindsight = HindsightCounts(runtime.engine)
        self.parts = KeptParts(runtime.engine)
        self.answers = KeptAnswers()
        self.borders = Borders.none()
        judging = partial(self.judge_targets, judge_targets_if_free)
        self.targets = PollingWorker("targets", judging, _TARGETS_WAIT_SECONDS)
        self.daily_tick = DailyTick(runtime, self.relay)
        self.reference_switch = ReferenceSwitch(runtime, self.relay)
        runtime.gauges.add("unscored", of_unscored(runtime.nats))
        runtime.gauges.add("tick", of_tick(runtime))
        runtime.gauges.add("outbox", of_outbox(runtime.engine, OutboxRow))
        runtime.gauges.add("parked", of_parked(runtime.engine, ParkedRow))
        self._begun = runtime.plans.ids[0]
        """The newest plan of which this process knows that the state is judged by it; the first always is."""

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: ScoringSettings) -> AsyncIterator[Self]:
        """Connect to everything while the block runs. UnusableBordersError where the file of borders has faults."""
        async with open_runtime(settings, "scoring") as runtime:
            scoring = cls(runtime)
            await scoring.prepare()
            if settings.map:
                scoring.borders = await asyncio.to_thread(Borders.read, settings.map, runtime.reference.units)
            try:
                yield scoring
            finally:
                await scoring.hindsight.end()

    @property
    def workers(self) -> Sequence[PollingWorker | DailyTick | ReferenceSwitch]:
        """The workers that run while the service does."""
        return (self.relay, self.targets, self.daily_tick, self.reference_switch)

    async def watch(self) -> None:
        """Report that messages are parked, or that another version judged the state, and that it is so no more."""
        await self.runtime.operations.watch([*PARKING_CODES, Code.JUDGING], self._troubles, failures=1)

    async def _troubles(self) -> Mapping[Code, Bilingual | None]:
        async with self.runtime.engine.connect() as connection:
            judging = await other_judging(connection)
        return {**await self.parking.troubles(), **({Code.JUDGING: judging} if judging else {})}

    async def prepare(self) -> None:
        """Take up the version by which the state is judged, and make sure that the state is whole.

        Waits while the database is away, or this program cannot use the version. Raises OtherPlanError, with which the
        process ends before it takes any message.
        """
        await once_possible(self._prepare)

    async def _prepare(self) -> None:
        runtime = self.runtime
        async with runtime.engine.begin() as connection:
            await take_version(connection, runtime.in_use, runtime.clock.today(), runtime.clock.now())
        await self._refill_sums()

    async def _refill_sums(self) -> None:
        """Fill the sums again where that was asked for, and judge the commitments by them."""
        runtime = self.runtime
        async with runtime.engine.begin() as connection:
            now = Moment(on=runtime.clock.today(), at=runtime.clock.now())
            transaction = await transaction_of_state(connection, runtime.in_use, now)
            if await refill_sums(transaction):
                await judge_targets(transaction.because_of("rules"))

    async def score(self, messages: Sequence[Msg]) -> None:
        """Score a batch of submissions in one transaction, and those whose units others held in one of their own."""
        arrivals = [arrival_of(message) for message in messages]
        async with self.reference_switch.awaited():
            async with self._begin() as transaction:
                changes, waiting = await score_free(transaction, arrivals)
            if waiting:
                async with self._begin() as transaction:
                    changes += await score(transaction, waiting)
        if changes:
            self.relay.wake()
        self.targets.wake()

    async def take_back(self, messages: Sequence[Msg]) -> None:
        """Take a batch of withdrawals or reviews into account in one transaction."""
        read = [taking_back_of(message.subject, message.data) for message in messages]
        if not (takings := [taking for taking in read if taking]):
            return
        await self.judge_targets()  # sums that have moved before were not moved by this
        async with self.reference_switch.awaited(), self._begin() as transaction:
            await take_back(transaction, takings)
        self.relay.wake()

    async def judge_targets(self, judge: Callable[[Transaction], Awaitable[int]] = judge_targets) -> int:
        """Judge the commitments of districts and the province whose sums have moved; return the number of changes."""
        async with self._begin() as transaction:
            changes = await judge(transaction.because_of("figure"))
            are_damaged = await is_to_be_filled(transaction.connection, step.name)  # as judging may have found them
        if are_damaged:
            await self._refill_sums()
        if changes or are_damaged:
            self.relay.wake()
        return changes

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Transaction]:
        """Begin a transaction by the plan in force; where that has not begun yet, judge the days until then first."""
        at = self.runtime.clock.now()  # once: the day may change while connections are awaited
        if (in_force := self.runtime.plans.in_force(at.date()).plan.id) != self._begun:
            await self.daily_tick.catch_up()
            self._begun = in_force
        async with self.runtime.engine.begin() as connection:
            await hold_off_rebuild(connection)
            yield await transaction_of_state(connection, self.runtime.in_use, Moment(on=at.date(), at=at))
