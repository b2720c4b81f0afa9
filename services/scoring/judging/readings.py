"""Readings: what was counted for a unit, an element and a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission, SubmissionWarning
from shared.problems import Warnings
from shared.time import VIETNAM

RETURNED = Warnings.RETURNED.code


class Reading(NamedTuple):
    """An element's value for a unit and period, as it stands after corrections."""

    element: str
    period: Period
    value: Decimal
    stage: Stage
    revision: int
    received_at: datetime
    known_from: date
    submission: UUID
    warnings: tuple[SubmissionWarning, ...] = ()
    """The warnings about this figure when it was accepted."""
    summands: tuple[Reading, ...] = ()
    """The readings of former units that it is the sum of, where the unit inherited it."""

    @property
    def is_returned(self) -> bool:
        """Whether an office returned the submission to its sender, of the figure or of a part of it."""
        return any(warning.code == RETURNED for warning in self.warnings) or any(
            summand.is_returned for summand in self.summands
        )

    def known_on(self, day: date) -> Reading:
        """Return the reading as if it had been known on a day. `_replace` takes four times as long."""
        return Reading(*self[:6], day, *self[7:])

    @property
    def rank(self) -> tuple[int, int, datetime, UUID]:
        """The order in which readings prevail: by stage, then by revision, then by the time of arrival."""
        return self.stage.rank, self.revision, self.received_at, self.submission


type Readings = Mapping[tuple[str, Period], Reading]
"""One unit's readings by element and period."""


def readings_in(
    submission: Submission, submission_id: UUID, received_at: datetime, warnings: Iterable[SubmissionWarning] = ()
) -> list[Reading]:
    """Return a submission's readings, each with the warnings that point at it."""
    by_pointer: defaultdict[str, tuple[SubmissionWarning, ...]] = defaultdict(tuple)
    for warning in warnings:
        by_pointer[warning.pointer] += (warning,)
    known_from = received_on(received_at)
    return [
        Reading(
            element=element,
            period=submission.period,
            value=Decimal(value) if isinstance(value, int) else Decimal(str(value)),
            stage=submission.stage,
            revision=submission.revision,
            received_at=received_at,
            known_from=known_from,
            submission=submission_id,
            warnings=by_pointer.get(f"/readings/{element}", ()),
        )
        for element, value in submission.readings.items()
    ]


def received_on(moment: datetime) -> date:
    """Return the day in Vietnam of a moment."""
    return moment.astimezone(VIETNAM).date()


def stronger(left: Reading, right: Reading) -> Reading:
    """Return the higher ranked of two readings, known from the day on which the earlier one was known."""
    winner = max(left, right, key=lambda reading: reading.rank)
    known_from = min(left.known_from, right.known_from)
    return winner if winner.known_from == known_from else winner._replace(known_from=known_from)
