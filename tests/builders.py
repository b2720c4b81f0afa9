"""Builders of values with ordinary content; the arguments state what is special about a test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

from services.scoring.judging.figures import Earlier, Figures, merge
from services.scoring.judging.observations import Observation
from services.scoring.judging.path import Requirement
from services.scoring.judging.readings import Reading
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import AcceptedSubmission, SubmissionWarning
from shared.nats.cloud_events import Message, cloud_event

BASELINE_DATE = date(2022, 12, 31)
DEADLINE = date(2023, 12, 31)
DIEM_HE = "06280"


def a_requirement(**changes: Any) -> Requirement:
    """Build a requirement: from 20 % at the end of 2022 down to at most 10 % at the end of 2023."""
    ordinary: dict[str, Any] = {
        "direction": "at_most",
        "goal": Fraction(10),
        "baseline_date": BASELINE_DATE,
        "baseline": Fraction(20),
        "deadline": DEADLINE,
        "tolerance": Fraction("0.10"),
    }
    return Requirement(**{**ordinary, **changes})


def an_observation(value: float, on: date = date(2023, 6, 30), **changes: Any) -> Observation:
    """Build an observation: a value in force from a day on."""
    number = Decimal(str(value))
    ordinary: dict[str, Any] = {
        "effective": on,
        "period": Period.parse(on.isoformat()),
        "value": Fraction(number),
        "numerator": number,
    }
    return Observation(**{**ordinary, **changes})


def a_reading(element: str, period: str, value: float, **changes: Any) -> Reading:
    """Build a reading that was reported on the last day of its period, or on `known_from`."""
    parsed = Period.parse(period)
    known_from = changes.pop("known_from", parsed.end)
    ordinary: dict[str, Any] = {
        "element": element,
        "period": parsed,
        "value": Decimal(str(value)),
        "stage": Stage.REPORTED,
        "revision": 1,
        "received_at": datetime.combine(known_from, time(9), UTC),
        "known_from": known_from,
        "submission": UUID(int=1),
    }
    return Reading(**{**ordinary, **changes})


def as_read(
    figures: Figures, days: Mapping[str, date], baseline_date: date = date.min, compared: Collection[str] = ()
) -> Figures:
    """Return the figures as `newest_readings_among` reads them, which looks back from a day of each element."""
    read: dict[tuple[str, Period], Reading] = {}
    earlier: dict[str, Earlier] = {}
    for element, day in days.items():
        ends = _ends_by(figures, element, day)
        begin = ends[0] if ends else date.min
        read |= {key: one for key, one in figures.items() if key[0] == element and key[1].end >= begin}
        found = figures.readings_of(element)
        if any(one.period.end < begin for one in found):
            early = any(one.known_from <= baseline_date < one.period.end for one in found)
            of_baseline = (_by_baseline(figures, element, baseline_date), early)
            earlier[element] = Earlier(begin, *(of_baseline if element in compared and day > baseline_date else ()))
    newest = Figures(read)
    newest.earlier = earlier
    return newest


def _by_baseline(figures: Figures, element: str, baseline_date: date) -> list[Reading]:
    ends = _ends_by(figures, element, baseline_date)
    begin = ends[0] if ends else date.max
    return [one for one in figures.readings_of(element) if begin <= one.period.end <= baseline_date]


def _ends_by(figures: Figures, element: str, day: date) -> list[date]:
    ends = (one.period.end for one in figures.readings_of(element))
    return sorted((end for end in ends if end <= day), reverse=True)


def readings(*found: Reading) -> Figures:
    """Arrange the readings of one unit by element and period."""
    return merge(Figures(), found)


def poverty(period: str, poor: int, households: int = 1000, **changes: Any) -> list[Reading]:
    """Build the three counts of the poverty criterion, with no near-poor household."""
    return [
        a_reading("households", period, households, **changes),
        a_reading("poor_households", period, poor, **changes),
        a_reading("near_poor_households", period, 0, **changes),
    ]


def a_posted_submission(**changes: Any) -> dict[str, Any]:
    """Build a submission as a district posts it for Điềm He."""
    ordinary: dict[str, Any] = {
        "unit": DIEM_HE,
        "period": "2023-06",
        "readings": {"households": 1204, "poor_households": 131, "near_poor_households": 88},
    }
    return {**ordinary, **changes}


def a_warning(element: str, pointer: str | None = None) -> SubmissionWarning:
    """Build the warning that the figure of an element has changed a lot."""
    detail = Bilingual(vi=f"{element} thay đổi nhiều.", en=f"{element} changed a lot.")
    return SubmissionWarning(code="implausible_change", pointer=pointer or f"/readings/{element}", detail=detail)


def an_accepted_submission(
    received: datetime = datetime(2023, 6, 30, 2, tzinfo=UTC), **changes: Any
) -> AcceptedSubmission:
    """Build a submission as intake has accepted it."""
    ordinary: dict[str, Any] = {
        **a_posted_submission(),
        "id": uuid4(),
        "agency": "district-184",
        "district": "184",
        "received_at": received,
        "digest": "0" * 64,
    }
    return AcceptedSubmission.model_validate({**ordinary, **changes})


def as_published(submission: AcceptedSubmission) -> Message:
    """Build the message by which the submission stands on the stream."""
    return cloud_event(
        subjects.submission(submission.district, submission.unit),
        submission.model_dump_json().encode(),
        event_id=submission.id,
        kind="submission.accepted",
        source="tests",
        at=submission.received_at,
    )
