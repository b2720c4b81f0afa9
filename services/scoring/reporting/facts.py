"""The facts of a monthly report: plain values, as they stood on its day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from services.scoring.following.difficulty import Difficulty
from services.scoring.following.note import Note
from shared.contracts.assessment import Assessment, Part
from shared.contracts.period import Period
from shared.contracts.status import Event, Status
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Total, Unit

HELD = (Status.MET, Status.ON_TRACK)
"""Statuses with which nothing is behind."""

BEHIND = (Status.MISSED, Status.BEHIND)
"""Statuses with which something is behind, the worst first."""


class CommitmentFact(NamedTuple):
    """A commitment of the plan for a unit, as it was known to be on the report's day."""

    unit: Unit
    commitment: Commitment
    known: Assessment
    actual: Assessment
    """What was so on that day by all that is known when the report is made."""

    @property
    def part(self) -> Part:
        """The numbers of the commitment, of which it has only one measure."""
        return self.known.parts[0]

    @property
    def has_figures(self) -> bool:
        """Whether anybody has reported: a sum to which nobody has contributed is no zero."""
        part = self.part
        contributed = (part.units_counted, part.reports_in)
        return part.value is not None and (contributed == (None, None) or any(contributed))

    @property
    def has_begun(self) -> bool:
        """Whether the time has come in which the plan asks for it."""
        return self.commitment.starts is None or self.commitment.starts <= self.known.on

    @property
    def has_changed_since(self) -> bool:
        """Whether figures that came after the day give another value."""
        return self.actual.parts[0].value not in (None, self.part.value)

    @property
    def share(self) -> float | None:
        """The share of the plan that is reached, in percent; None without figures, and where it would say nothing.

        Of what has to fall it is the share of the fall: how far it has come from the baseline to the goal. The cases
        of a year have no share before the year is over.
        """
        return self._share(self.part.value) if self.has_figures else None

    @property
    def required_share(self) -> float | None:
        """The share of the plan that the path asks for, in percent."""
        return self._share(self.part.required)

    def _share(self, value: float | None) -> float | None:
        part = self.part
        if value is None or part.goal is None or part.measured_in == "yes_no":
            return None
        if part.direction == "at_least":
            return 100 * value / part.goal if part.goal > 0 else None
        if isinstance(self.commitment.measure, Total) or part.baseline is None or part.baseline <= part.goal:
            return None
        return 100 * (part.baseline - value) / (part.baseline - part.goal)


class CriterionFact(NamedTuple):
    """A commune's criterion that a report names: it is behind, its report is late, or its figures are doubtful."""

    unit: Unit
    district: Unit | None
    criterion: CriterionKey
    known: Assessment

    @property
    def has_doubtful_figures(self) -> bool:
        """Whether the figures have to be looked at again: they contradict each other, are old, or were warned of."""
        known = self.known
        return known.contradictory or known.stale or any(part.warnings for part in known.parts)


class ReportFacts(NamedTuple):
    """Everything that the report of a month on a unit is written from."""

    month: Period
    on: date
    """The day whose state it tells: the month's last one, or today where the month is not over."""
    today: date
    unit: Unit
    reference: Reference
    commitments: Sequence[CommitmentFact]
    """The unit's own, in the plan's order."""
    commitments_below: Sequence[CommitmentFact]
    """Those of the districts, in the plan's order; none in the report of a district."""
    communes: int
    statuses: Mapping[CriterionKey, Counter[Status]]
    """The number of communes by criterion and status."""
    provisional: Counter[CriterionKey]
    """The number of communes whose figures for a criterion are not official yet."""
    unverified: Set[CriterionKey]
    """The criteria with a goal that was not read in its source."""
    criteria: Sequence[CriterionFact]
    """The communes' criteria that have to be named, by commune and criterion."""
    changes: Counter[Event]
    """The changes of communes' criteria that were published in the month."""
    submissions: int
    """The submissions on the unit and those below it that were received in the month."""
    difficulties: Sequence[Difficulty] = ()
    """Those that were open on the day, first those that nobody has answered."""
    notes: Mapping[tuple[int, str], Note] = MappingProxyType({})
    """By unit and topic what those last wrote who took care of alerts about it, since it has been behind."""

    def note_on(self, unit: Unit, topic: str) -> Note | None:
        """Return the note on a commitment or a commune's criterion."""
        return self.notes.get((unit.key, topic))

    @property
    def is_over(self) -> bool:
        """Whether the month is over."""
        return self.today > self.month.end

    @property
    def has_begun(self) -> bool:
        """Whether the month has begun."""
        return self.today >= self.month.start

    @property
    def has_figures(self) -> bool:
        """Whether there are any figures at all about the unit on the day."""
        return any(fact.has_figures for fact in (*self.commitments, *self.commitments_below)) or any(
            status != Status.NO_DATA for counts in self.statuses.values() for status in counts
        )
