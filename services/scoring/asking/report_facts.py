"""The facts of a monthly report, read and judged: as the other answers state them for its day."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_at
from services.scoring.asking.work_slots import SLOTS
from services.scoring.following.difficulty import Difficulty
from services.scoring.following.note import Note
from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from services.scoring.reporting.facts import BEHIND, CommitmentFact, CriterionFact, ReportFacts
from services.scoring.service import Scoring
from services.scoring.storage.changes import count_events, still_behind
from services.scoring.storage.known_figures import end_of
from services.scoring.storage.submissions import count_received
from shared.contracts.period import Period
from shared.contracts.status import Event, Status
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

_DAY = timedelta(days=1)

type _Known = Mapping[int, Figures]


async def report_facts(scoring: Scoring, unit: Unit, month: Period) -> ReportFacts:
    """Return the facts about a province or a district at the end of a month, or today where it is not over.

    Problem 429 where too many heavy questions wait already.
    """
    runtime = scoring.runtime
    today = runtime.clock.today()
    on = min(month.end, today)
    reference = runtime.plans.in_force(on)
    difficulties, noted = await _difficulties(scoring, unit, reference, on), await scoring.notes.until(on)
    async with SLOTS.taken(), runtime.engine.connect() as connection:
        known, actual = await figures_at(connection, [each.key for each in reference.units], reference, on)
        changes, submissions = await _of_month(connection, reference, unit, month)
        notes = await _notes(connection, reference, unit, on, noted)
        facts = await asyncio.to_thread(
            _judged, reference, unit, month, (on, today), (known, actual), (changes, submissions)
        )
    return facts._replace(difficulties=difficulties, notes=notes)


async def _difficulties(scoring: Scoring, unit: Unit, reference: Reference, on: date) -> list[Difficulty]:
    """Return the difficulties of a unit, and of those below it, that were open at the end of a day."""
    units = reference.units
    return [
        one
        for one in await scoring.difficulties.open_on(on)
        if (own := one.unit(units)) and units.is_under(own, unit.code)
    ]


def _below(reference: Reference, unit: Unit) -> list[int]:
    return [each.key for each in reference.units if reference.units.is_under(each, unit.code)]


async def _notes(
    connection: AsyncConnection, reference: Reference, unit: Unit, on: date, noted: Mapping[UUID, Note]
) -> Mapping[tuple[int, str], Note]:
    """Return the newest note on each topic of the unit and those below it that has been behind since."""
    topics = await still_behind(connection, noted.keys(), _below(reference, unit), on) if noted else ()
    oldest_first = sorted(topics, key=lambda one: noted[one.id].at)
    return {(one.unit, one.topic): noted[one.id] for one in oldest_first}


async def _of_month(
    connection: AsyncConnection, reference: Reference, unit: Unit, month: Period
) -> tuple[Counter[Event], int]:
    below = _below(reference, unit)
    return (
        await count_events(connection, month.start, month.end, below),
        await count_received(connection, end_of(month.start - _DAY), end_of(month.end), below),
    )


def _judged(
    reference: Reference,
    unit: Unit,
    month: Period,
    days: tuple[date, date],
    figures: tuple[_Known, _Known],
    of_month: tuple[Counter[Event], int],
) -> ReportFacts:
    on, today = days
    judge = Judge(reference, on)
    own, below = _commitments(judge, unit, *figures)
    communes = reference.units.communes(on, unit.code)
    statuses: dict[CriterionKey, Counter[Status]] = {key: Counter() for key in reference.criterion_keys}
    provisional: Counter[CriterionKey] = Counter()
    unverified: set[CriterionKey] = set()
    named: list[CriterionFact] = []
    for commune in communes:
        for key in reference.criteria_of(commune, on):
            verdict = judge.criterion(key, commune, figures[0].get(commune.key, Figures()))
            statuses[key][verdict.status] += 1
            provisional[key] += any(part.is_provisional for part in verdict.parts)
            if any(not part.measure.goal.verified for part in verdict.parts):
                unverified.add(key)
            fact = CriterionFact(commune, reference.units.district(commune), key, explain_criterion(verdict))
            if verdict.status in BEHIND or verdict.overdue or fact.has_doubtful_figures:
                named.append(fact)
    changes, submissions = of_month
    return ReportFacts(
        month=month,
        on=on,
        today=today,
        unit=unit,
        reference=reference,
        commitments=own,
        commitments_below=below,
        communes=len(communes),
        statuses={key: counts for key, counts in statuses.items() if counts},
        provisional=provisional,
        unverified=unverified,
        criteria=named,
        changes=changes,
        submissions=submissions,
    )


def _commitments(
    judge: Judge, unit: Unit, known: _Known, actual: _Known
) -> tuple[list[CommitmentFact], list[CommitmentFact]]:
    """Return the commitments of the unit, and those of the districts below it."""
    reference = judge.reference
    targets = [
        (commitment, target) for commitment, target in reference.targets if reference.units.is_under(target, unit.code)
    ]
    known_sums, actual_sums = summed(targets, known, reference), summed(targets, actual, reference)
    facts = [
        CommitmentFact(
            target,
            commitment,
            assess_target(judge, commitment, target, known_sums.get((commitment.id, target.key), {})),
            assess_target(judge, commitment, target, actual_sums.get((commitment.id, target.key), {})),
        )
        for commitment, target in targets
    ]
    own = [fact for fact in facts if fact.unit.key == unit.key]
    return own, [fact for fact in facts if fact.unit.key != unit.key]
