"""The figures known on a past day: read from what stands today, the same as read from all submissions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.storage.known_figures import known_at, known_by_submissions
from services.scoring.update.arrivals import Arrival
from services.scoring.update.score import score
from services.scoring.update.take_back import take_back
from services.scoring.update.transaction import Transaction
from shared.contracts.submission import AcceptedSubmission, Review, Withdrawal
from shared.stable_id import stable_id
from tests.binding_plan import binding_reference
from tests.integration.test_scoring import BORDER, poverty_report
from tests.running import Surroundings

DAYS = [date(2023, 1, 5) + timedelta(days=12 * number) for number in range(16)]
CLOSE = date(2023, 7, 31)
PLACES = {BORDER: "180", "06004": "180", "06280": "184"}
PERIODS = ["2021-12", "2022-12", "2023-03", "2023-05"]


def any_report(random: Random) -> AcceptedSubmission:
    """Return a report of which others may be corrections, confirmations or verifications."""
    unit = random.choice(list(PLACES))
    report = poverty_report(
        random.choice(PERIODS), random.randint(0, 300), random.choice(DAYS), unit=unit, district=PLACES[unit],
        revision=random.randint(1, 4), stage=random.choice(["reported", "verified", "confirmed"]),
    )  # fmt: skip
    codes = random.sample(sorted(report.readings), random.choice([1, 3]))
    return report.model_copy(update={"readings": {code: report.readings[code] for code in codes}})


def any_taking(random: Random, of: AcceptedSubmission) -> Withdrawal | Review:
    """Return what takes a submission back: its withdrawal, or its return by an office."""
    on = random.choice([day for day in DAYS if day >= of.received_at.date()])
    told = {
        "submission": of.id, "reason": "Nhầm.", "agency": "district-180", "unit": of.unit, "period": of.period,
        "at": datetime(on.year, on.month, on.day, 9, tzinfo=UTC),
    }  # fmt: skip
    if random.random() < 0.5:
        return Withdrawal(id=stable_id(of.id, "withdrawn"), **told)
    return Review(id=stable_id(of.id, "returned"), decision="returned", **told)


@pytest.mark.parametrize("seed", range(8))
async def test_read_either_way_the_figures_are_the_same_whatever_has_come_since(
    around: Surroundings, seed: int
) -> None:
    random, reference = Random(seed), binding_reference()  # noqa: S311 - figures, not secrets
    reports = [any_report(random) for _ in range(40)]
    reviewed = []
    for at in range(5, 40, 7):  # what verifies another one falls with it
        first = next(one for one in reports if one.unit == reports[at].unit)
        reviewed.append(first)
        reports[at] = reports[at].model_copy(update={"reviews": first.id, "period": first.period})
    takings = [any_taking(random, one) for one in [*reviewed, *random.sample(reports, 10)]]
    never = {one.id for one in random.sample(reviewed, 2)}
    coming = [*(one for one in reports if one.id not in never), *takings]
    random.shuffle(coming)
    moment = Moment(on=CLOSE, at=datetime(CLOSE.year, CLOSE.month, CLOSE.day, 8, tzinfo=UTC))
    units = [unit.key for code in PLACES for unit in reference.units.known(code)]
    async with around.engine.connect() as connection:
        transaction = Transaction(connection, reference, moment)
        for one in coming:
            if isinstance(one, AcceptedSubmission):
                await score(transaction, [Arrival(one, body=one.model_dump_json())])
            else:
                await take_back(transaction, [one])
        changed = set[bool]()
        standing = await known_by_submissions(connection, units, reference, CLOSE)
        for day in [*DAYS, CLOSE]:
            for horizon in (date.min, reference.plan.horizon):
                read = await known_at(connection, units, reference, day, horizon)
                of_submissions = await known_by_submissions(connection, units, reference, day)
                assert _since(read, horizon) == _since(of_submissions, horizon), day
                changed.add(of_submissions != standing)
        assert changed == {True, False}


def _since(figures: dict[int, Figures], horizon: date) -> dict[int, Figures]:
    since = {unit: own.since(horizon) for unit, own in figures.items()}
    return {unit: own for unit, own in since.items() if own}
