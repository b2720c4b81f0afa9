"""Rebuild: the whole state made again from the stream, beside the live one, compared with it, and put in its place.

A verdict follows from the figures and the day alone, so nothing is played again: each unit is judged once, today, by
all its submissions. The changes that were published, the days and the outbox are history and stay.
"""

from __future__ import annotations

import time
from asyncio import Task, TaskGroup, create_task
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import batched

from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.judging.aggregates import increments_by_target
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures, figures_from
from services.scoring.judging.increments import Increment
from services.scoring.judging.inheritance import judged_by
from services.scoring.judging.levels import counted_once, districts_of
from services.scoring.judging.version import JUDGING
from services.scoring.storage import rebuilt_schema
from services.scoring.storage.begun_plans import record_plans
from services.scoring.storage.changes import count_changes
from services.scoring.storage.increments import add_increments
from services.scoring.storage.judged_version import (
    digest_judged_by,
    judged_version,
    record_judging,
    record_version,
)
from services.scoring.storage.known_figures import judged_at
from services.scoring.storage.locks import hold_off_workers
from services.scoring.storage.readings import reading_values
from services.scoring.storage.rebuilt_schema import COMPARED, REBUILT, REPLACED, DifferingVerdicts
from services.scoring.storage.submissions import SubmissionValues, record_submissions, submissions_of, units_reported
from services.scoring.storage.tables import OutboxRow, ReadingRow, StatusRow, SubmissionRow, TakenBackRow
from services.scoring.storage.taken_back import record_taken_back, taken_back_of
from services.scoring.storage.targets import (
    delete_other_targets,
    forget_other_plans,
    forget_paths,
    mark_moved,
    stored_targets,
)
from services.scoring.storage.ticks import last_tick
from services.scoring.update.arrivals import submission_row, unit_of
from services.scoring.update.begin_plan import fill_sums, in_portions
from services.scoring.update.commune_statuses import judge_again, rebuilt_statuses
from services.scoring.update.plan_guard import check_version, plans_of_state
from services.scoring.update.proved_changes import ProvedChanges
from services.scoring.update.published_changes import Judged, judged_again
from services.scoring.update.score import score
from services.scoring.update.stream_arrivals import StreamArrivals
from services.scoring.update.take_back import take_back, taken_back_row
from services.scoring.update.targets import begin_targets, judge_targets
from services.scoring.update.transaction import Transaction
from shared.contracts.status import Status
from shared.contracts.verdict_change import Cause
from shared.postgres.statements import copy_in, upsert
from shared.reference.load import Plans, Reference
from shared.reference.models import CriterionKey
from shared.service import outbox
from shared.service.proof import Proof
from shared.service.reference_versions import Installed
from shared.time import VIETNAM

_ROWS_AT_ONCE = 20_000


@dataclass
class RebuildReport:
    """The outcome of a rebuild: the rows of each table (live, rebuilt, only in one of them), and which differ."""

    submissions: int = 0
    seconds: float = 0
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    verdicts: Sequence[DifferingVerdicts] = ()
    lacking: int = 0
    """Submissions, withdrawals and returns that were scored and are not in the stream."""
    unreadable: Sequence[str] = ()
    """Messages that cannot be read, or whose unit is not known."""
    switched: bool = False


async def rebuild(
    engine: AsyncEngine,
    nats: Client,
    plans: Plans,
    today: date | None = None,
    *,
    switch: bool = False,
    change_plan: bool = False,
    version: int | None = None,
    to: Installed | None = None,
    accept_loss: bool = False,
) -> RebuildReport:
    """Rebuild into a schema of its own while the live one serves, and compare both.

    Changes that were published and that the live state lacks are taken up first: nobody is told of them again.

    With `switch` the rebuilt state takes the place of the live one. Verdicts that differ are published as changes with
    the cause `rebuild`, of which nobody is told; the province's coordination office is told of all of them once.
    `today` is a simulated clock's day. Workers wait while both are compared. Nothing is switched where the stream lacks
    submissions that were scored, unless with `accept_loss`: they would be lost. OtherPlanError where the live state was
    judged by other plans, unless `change_plan` puts those of the reference data that have begun in their place. With
    `version`, OtherVersionError where the live state was judged by another version than that.

    With `to` the state goes over to an installed version, whose plans these are, unless it has done so already: the
    changes then have the cause `rules`, and the province's coordination office is told of all of them once.
    """
    started = time.monotonic()
    now = datetime.now(VIETNAM)
    async with rebuilt_schema.made(engine):
        async with engine.connect() as connection:
            if to and (await judged_version(connection) or 0) >= to.number:
                return RebuildReport()  # another process has done it meanwhile
            if version is not None:
                await check_version(connection, version)
            begun = [] if change_plan or to else await plans_of_state(connection, plans)
            day = today or now.date()
            # another machine's clock may be ahead: what it has judged by must be in force
            moment = Moment(on=max(day, await last_tick(connection) or day), at=now)
        begun = begun or plans.begun(moment.on)
        proof, proved = await Proof.of(engine, nats), ProvedChanges()
        stream = StreamArrivals(engine, nats, proof, plans.references[-1])
        if to is None:
            await proved.read(engine, nats, proof, begun[-1])
            await stream.count_as_scored(proved.submissions, proved.stored_until)
            moment = replace(moment, on=max(moment.on, proved.last_on or moment.on))
            if not proved.plans.issubset(reference.plan.id for reference in begun):
                begun = plans.begun(moment.on)
        rebuilding = _Rebuilding(engine, stream, begun, moment)
        await rebuilding.fill()
        await rebuilding.judge()
        async with engine.begin() as live:
            await hold_off_workers(live)
            if version is not None:
                await check_version(live, version)
            await rebuilding.catch_up(live)
            report = await _compare(live, proved)
            report.unreadable = [*proved.unreadable, *stream.unreadable]
            if switch and (accept_loss or not report.lacking):
                *former, in_force = begun
                cause: Cause = "rules" if to else "rebuild"
                await proved.take_up(live)
                await _switch_and_tell(
                    Transaction(live, in_force, moment, former, cause), to, by_same_rules=not (to or change_plan)
                )
                report.switched = True
        report.submissions = rebuilding.submissions
        report.seconds = time.monotonic() - started
        return report


class _Rebuilding:
    """The state that is being rebuilt, as far as the stream has been read."""

    def __init__(self, live: AsyncEngine, stream: StreamArrivals, begun: Sequence[Reference], moment: Moment) -> None:
        self._beside = rebuilt_schema.beside(live)
        self._stream = stream
        *self._former, self._reference = begun
        self._moment = moment
        self.submissions = 0

    async def fill(self) -> None:
        """Store the stream's submissions, as far as live workers have come."""

        async def write(rows: list[SubmissionValues]) -> None:
            async with self._beside.begin() as connection:
                self.submissions += len(await record_submissions(connection, rows))

        writing: Task[None] | None = None
        async for arrivals in self._stream.acknowledged():
            rows = [submission_row(arrival, unit_of(arrival.submission, self._reference)) for arrival in arrivals]
            if writing:
                await writing
            writing = create_task(write(rows))  # the next ones are read meanwhile
        if writing:
            await writing
        takings = await self._stream.taken_back()
        async with self._beside.begin() as connection:
            await record_taken_back(
                connection, [taken_back_row(taking, unit_of(taking, self._reference).key) for taking in takings]
            )

    async def judge(self) -> None:
        """Judge every unit by all its submissions, and then the commitments above."""
        sums: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
        async with self._beside.connect() as connection:
            reported = await units_reported(connection)
        bound = self._reference.bound_communes(self._moment.on)
        portions = iter(in_portions(reported.union(bound), self._reference))

        async def work() -> None:
            for units in portions:
                for key, increment in await self._judge_units(units, bound):
                    sums[key] += increment

        # while the database works for one of them, the other judges
        async with TaskGroup() as group:
            for _ in range(2):
                group.create_task(work())
        async with self._begin() as transaction:
            if self._is_closed:
                await fill_sums(transaction)
            else:
                await self._write(transaction, sums)
            for own in transaction.of_each_plan[:-1]:
                await fill_sums(own)
            for own in transaction.of_each_plan:
                await begin_targets(own)
            await judge_targets(transaction)

    @property
    def _is_closed(self) -> bool:
        return self._reference.plan.is_closed(self._moment.on)

    async def _write(self, transaction: Transaction, sums: Mapping[tuple[str, int, date], Increment]) -> None:
        plan = self._reference.plan.id
        for part in batched(sums.items(), _ROWS_AT_ONCE):
            await add_increments(transaction.connection, plan, dict(part), self._moment.on)

    async def _judge_units(
        self, units: Sequence[int], bound: Mapping[int, Sequence[CriterionKey]]
    ) -> list[tuple[tuple[str, int, date], Increment]]:
        """Store the readings and statuses of units, whole families; return what they add to the sums above."""
        reference = self._reference
        async with self._begin() as transaction:
            districts, own_units = districts_of(units, reference), {*units}
            taken_back = await taken_back_of(transaction.connection, [*units, *districts])
            figures = figures_from(await submissions_of(transaction.connection, [*units, *districts]), taken_back)
            judged_figures = judged_by({unit: figures.get(unit, Figures()) for unit in (*units, *districts)}, reference)
            summed_figures = counted_once(judged_figures, reference)
            readings = [reading_values(unit, reading) for unit in units for reading in figures.get(unit, {}).values()]
            await copy_in(transaction.connection, ReadingRow, readings, REBUILT)
            closes = reference.plan.closes
            final = (
                await judged_at(transaction.connection, units, reference, closes) if self._is_closed and closes else {}
            )
            judge = transaction.judge
            statuses = [
                row
                for unit, own in judged_figures.items()
                if unit in own_units
                for row in rebuilt_statuses(
                    judge, reference.units.by_key(unit), own, final.get(unit), bound.get(unit, ())
                )
            ]
            await upsert(transaction.connection, StatusRow, statuses)
        return [
            increment
            for unit in units
            for increment in increments_by_target(unit, summed_figures, reference.targets, reference)
        ]

    async def catch_up(self, live: AsyncConnection) -> None:
        """Take into account what workers have scored meanwhile. The workers must be waiting."""
        async for arrivals in self._stream.scored(live):
            async with self._begin() as transaction:
                await score(transaction, arrivals)
                await judge_targets(transaction)
            self.submissions += len(arrivals)
        async with self._begin() as transaction:
            await take_back(transaction, await self._stream.taken_back(live))

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[Transaction]:
        async with self._beside.begin() as connection:
            yield Transaction(connection, self._reference, self._moment, self._former)


async def _compare(live: AsyncConnection, proved: ProvedChanges) -> RebuildReport:
    report = RebuildReport()
    if proved.number:
        stored = await count_changes(live)
        report.counts["change"] = (stored, stored + proved.number, proved.number)
        report.differences.append(f"change, only on the stream: {proved.number}")
    for model in COMPARED:
        table = await rebuilt_schema.compare(live, model)
        differing = table.only_live.number + table.only_rebuilt.number
        report.counts[table.name] = (table.live_rows, table.rebuilt_rows, differing)
        report.differences += [f"{table.name}, only live: {row}" for row in table.only_live.shown]
        report.differences += [f"{table.name}, only rebuilt: {row}" for row in table.only_rebuilt.shown]
        if model in (SubmissionRow, TakenBackRow):
            report.lacking += table.only_live.number
    report.verdicts = await rebuilt_schema.differing_verdicts(live)
    return report


async def _switch(live: Transaction, by_same_rules: bool) -> list[tuple[Status, Status]]:
    """Put the rebuilt tables in the place of the live ones; publish the verdicts that differ as changes.

    Returns what verdicts on communes were before and are after. The commitments above are judged as well:
    `by_same_rules` those that differ.
    """
    await rebuilt_schema.lock_replaced(live.connection)
    differing = await rebuilt_schema.differing_targets(live.connection)
    criteria = await rebuilt_schema.differing_criteria(live.connection)
    changes: list[tuple[Status, Status]] = []
    for model in REPLACED:
        if model is StatusRow:  # by the rebuilt readings, against the live statuses
            changes = await judge_again(live, _judged_still(criteria, live.reference))
        await rebuilt_schema.replace(live.connection, model)
    plans = [own.reference.plan.id for own in live.of_each_plan]
    await record_plans(live.connection, plans, live.moment.at)
    await forget_other_plans(live.connection, plans)
    await forget_paths(live.connection)
    for own in live.of_each_plan:
        plan, targets = own.reference.plan.id, {(commitment.id, unit.key) for commitment, unit in own.reference.targets}
        await delete_other_targets(live.connection, plan, targets)
        if by_same_rules:
            known = await stored_targets(live.connection, plan)
            targets = {one for one in targets if one not in known or (plan, *one) in differing}
        await mark_moved(live.connection, plan, targets, live.moment.on)
    await judge_targets(live)
    return changes


def _judged_still(
    criteria: Mapping[int, Sequence[CriterionKey]], reference: Reference
) -> dict[int, list[CriterionKey]]:
    """Leave out the criteria by which the reference data no longer judge a unit."""
    known = set(reference.criterion_keys)
    judged = {
        unit: [key for key in keys if key in known and reference.judges(reference.units.by_key(unit), key)]
        for unit, keys in criteria.items()
    }
    return {unit: keys for unit, keys in judged.items() if keys}


async def _switch_and_tell(live: Transaction, installed: Installed | None, *, by_same_rules: bool) -> None:
    """Put the rebuilt state in place, and tell the coordination office once of all that differs.

    `installed`: the version to which the state goes over; None where it stays with its own.
    """
    before = await _verdicts_of_targets(live)
    if installed:
        for own in live.of_each_plan:
            await begin_targets(own)  # so that new commitments are compared with silence
    communes = await _switch(live, by_same_rules)
    after = await _verdicts_of_targets(live)
    message = judged_again(
        await _judged_by(live, installed),
        live.reference,
        live.moment,
        communes=communes,
        targets=[(before[key], status) for key, status in after.items() if key in before],
    )
    if message:
        await outbox.put(live.connection, OutboxRow, [message])


async def _judged_by(live: Transaction, installed: Installed | None) -> Judged:
    """Record by what all of the state was judged, an installed version if there is one, and return it."""
    await record_judging(live.connection, JUDGING, live.moment.at)
    if installed is None:
        number, digest = await judged_version(live.connection) or 0, await digest_judged_by(live.connection) or ""
        return Judged(number, digest, "ntm rebuild", "", "rebuild")
    version = installed.version
    await record_version(live.connection, installed.number, version.digest, live.moment.at)
    return Judged(installed.number, version.digest, version.author, version.reason, "rules")


async def _verdicts_of_targets(live: Transaction) -> dict[tuple[str, str, int], Status]:
    """Return the statuses of the commitments of all plans that have begun, by plan, commitment and unit."""
    plans = [own.reference.plan.id for own in live.of_each_plan]
    return {
        (plan, *key): row.status for plan in plans for key, row in (await stored_targets(live.connection, plan)).items()
    }
