"""A difficulty with its answers, and whether it was open on a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from services.scoring.judging.readings import received_on
from shared.contracts.difficulty import DifficultyLogged
from shared.reference.models import Unit
from shared.reference.units import Units


@dataclass(slots=True)
class Difficulty:
    """A difficulty: its report and the answers to it, oldest first."""

    report: DifficultyLogged
    answers: list[DifficultyLogged] = field(default_factory=list)

    @property
    def answered_at(self) -> datetime | None:
        """The time of the newest answer of another agency; None while nobody has answered."""
        return max((one.at for one in self.answers if one.agency != self.report.reported_by), default=None)

    def is_open(self, on: date) -> bool:
        """Say whether it had been reported by the end of a day, and nobody had closed it."""
        closed = any(one.closes and received_on(one.at) <= on for one in (self.report, *self.answers))
        return received_on(self.report.at) <= on and not closed

    def unit(self, units: Units) -> Unit | None:
        """Return the unit that has it; None where the reference data do not know it any more."""
        return units.find(self.report.unit.code, received_on(self.report.at))
