"""The transaction in which scoring's state changes, with the plan and the moment by which it judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.judge import Judge
from shared.contracts.verdict_change import Cause
from shared.reference.load import Reference


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction. Whatever is done with it is committed by who opened it, or undone as a whole."""

    connection: AsyncConnection
    reference: Reference
    """With the plan in force."""

    moment: Moment
    former: Sequence[Reference] = ()
    """With each plan that began before the one in force."""
    cause: Cause | None = None
    """The cause of the changes that are made with it."""

    @property
    def judge(self) -> Judge:
        """The judge by the plan, on the day of the moment."""
        return Judge(self.reference, self.moment.on)

    @property
    def province(self) -> str:
        """The code of the province whose plan it is."""
        return self.reference.plan.unit

    def because_of(self, cause: Cause) -> Transaction:
        """Return the transaction for changes that have a cause."""
        return replace(self, cause=cause)

    @property
    def of_each_plan(self) -> Sequence[Transaction]:
        """The same transaction for each plan that has begun, with that one's plan in the place of the one in force."""
        return [*(replace(self, reference=reference, former=()) for reference in self.former), self]

    @property
    def former_open(self) -> Sequence[Reference]:
        """The plans before the one in force that are not closed yet, whose figures are looked at all the same."""
        return [reference for reference in self.former if not reference.plan.is_closed(self.moment.on)]

    def not_before(self, day: date) -> Transaction:
        """Return the transaction as of the day, where its own moment lies before that."""
        return self if day <= self.moment.on else replace(self, moment=replace(self.moment, on=day))
