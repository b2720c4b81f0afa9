"""Taking submissions back: a withdrawn one counts no longer, and a returned one says so.

The figures that stood before stand again. Nothing depends on the order in which submissions, corrections and
withdrawals arrive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from services.scoring.judging.readings import Reading, received_on
from services.scoring.storage.figure_versions import count_versions
from services.scoring.storage.locks import lock_units
from services.scoring.storage.readings import delete_readings, readings_of, write_readings
from services.scoring.storage.submissions import submissions_for
from services.scoring.storage.taken_back import TakenBackValues, record_taken_back, taken_back_of
from services.scoring.storage.ticks import last_tick
from services.scoring.update.arrivals import Arrival, check_storable, unit_of
from services.scoring.update.figure_changes import FigureChange, replace_readings
from services.scoring.update.score import families_in_each_plan, take_into_account
from services.scoring.update.targets import judge_targets
from services.scoring.update.transaction import Transaction
from shared.contracts import subjects
from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission, Review, Withdrawal
from shared.readable import DamagedRowError, read_rows

type TakingBack = Withdrawal | Review
"""A withdrawal, or a review that returned a submission."""


def taking_back_of(subject: str, body: bytes) -> TakingBack | None:
    """Read a message of the stream; None where it is a review that returned nothing."""
    if subjects.is_in(subject, subjects.ALL_WITHDRAWALS):
        return Withdrawal.model_validate_json(body)
    review = Review.model_validate_json(body)
    return review if review.decision == "returned" else None


async def take_back(transaction: Transaction, takings: Sequence[TakingBack]) -> int:
    """Take withdrawals and returns into account; those that are known already change nothing.

    Returns the number of changes. Raises KeyError when one names a unit that the reference does not have.
    """
    if not takings:
        return 0
    units = {taking.id: unit_of(taking, transaction.reference).key for taking in takings}
    # before they are stored: an arriving submission is scored before, and found here, or later, and finds them
    await lock_units(transaction.connection, _units_concerned(transaction, units.values()))
    rows = [taken_back_row(taking, units[taking.id]) for taking in takings]
    new = await record_taken_back(transaction.connection, rows)
    taken = [taking for taking in takings if taking.id in new]
    if not taken:
        return 0
    await count_versions(transaction.connection, {units[taking.id] for taking in taken})
    days = [received_on(taking.at) for taking in taken]
    if judged := await last_tick(transaction.connection):  # the day may have passed while others held the units
        days.append(judged)
    transaction = transaction.because_of("withdrawal").not_before(max(days))
    periods: defaultdict[int, set[Period]] = defaultdict(set)
    for taking in taken:
        periods[units[taking.id]].add(taking.period)
    submissions = await _submissions_for(transaction, periods)
    change = await _store_what_is_left(transaction, periods, submissions)
    ids = {taking.submission for taking in taken}
    causes = {
        unit: [Arrival(one) for one in own if not ids.isdisjoint((one.id, one.reviews))]
        for unit, own in submissions.items()
    }
    received = {taking.id: received_on(taking.at) for taking in taken}
    changes = await take_into_account(transaction, change, causes, received)
    return changes + await judge_targets(transaction)


def _units_concerned(transaction: Transaction, units: Collection[int]) -> set[int]:
    """Return the units whose verdicts and sums may change: the units, those of the other level, and their kin."""
    of_units = transaction.reference.units
    others = (other.key for unit in units for other in of_units.at_other_level(of_units.by_key(unit)))
    return families_in_each_plan(transaction, {*units, *others})


async def _submissions_for(
    transaction: Transaction, periods: defaultdict[int, set[Period]]
) -> dict[int, list[AcceptedSubmission]]:
    pairs = [(unit, period.text) for unit, of_unit in periods.items() for period in of_unit]
    submissions: defaultdict[int, list[AcceptedSubmission]] = defaultdict(list)
    stored = await submissions_for(transaction.connection, pairs)
    read = read_rows(stored, lambda row: (row[0], AcceptedSubmission.model_validate_json(row[1])))
    if read.damaged:  # without it other figures would stand than those that were sent
        raise DamagedRowError("a stored submission of the same unit and period is damaged: ntm rebuild, then replay")
    for unit, submission in read.items:
        submissions[unit].append(submission)
    return submissions


async def _store_what_is_left(
    transaction: Transaction,
    periods: defaultdict[int, set[Period]],
    submissions: dict[int, list[AcceptedSubmission]],
) -> FigureChange:
    """Store the readings that the submissions leave for the periods; return the change as it is stored."""
    connection, families = transaction.connection, _units_concerned(transaction, periods)
    taken_back = await taken_back_of(connection, list(periods))
    left = {
        unit: [reading for submission in own for reading in taken_back.readings_left(submission)]
        for unit, own in submissions.items()
    }
    horizons = [reference.plan.horizon for reference in (*transaction.former_open, transaction.reference)]
    oldest = min([*horizons, *(period.end for of_unit in periods.values() for period in of_unit)])
    stored = await readings_of(connection, list(families), oldest)
    change = replace_readings(stored, periods, left, families)
    kept: list[tuple[int, Reading]] = []
    gone: list[tuple[int, Reading]] = []
    for unit, readings in change.differing.items():
        for reading in readings:
            has_one = (reading.element, reading.period) in change.after[unit]
            (kept if has_one else gone).append((unit, reading))
    await write_readings(connection, kept)
    await delete_readings(connection, gone)
    return change


def taken_back_row(taking: TakingBack, unit: int) -> TakenBackValues:
    """Return the row that stores a withdrawal or a return, by the key of its unit.

    ValueError or ArithmeticError where none can.
    """
    check_storable(taking.at, taking.agency, taking.agency_name or "", taking.reason or "")
    return {
        "id": taking.id,
        "submission": taking.submission,
        "unit": unit,
        "at": taking.at,
        "withdrawn": isinstance(taking, Withdrawal),
        "agency": taking.agency_name or taking.agency,
        "reason": taking.reason or "",
    }
