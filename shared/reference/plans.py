"""A province's plans: they follow each other, and each judges its own time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.reference.reference import Reference


@dataclass(frozen=True)
class Plans:
    """The plans of a province in the order of their time, each with the definitions."""

    references: Sequence[Reference]

    def __iter__(self) -> Iterator[Reference]:
        return iter(self.references)

    @property
    def ids(self) -> list[str]:
        """The plans' ids, in the order of their time."""
        return [reference.plan.id for reference in self.references]

    def find(self, plan_id: str) -> Reference | None:
        """Return the reference data of a plan."""
        return next((reference for reference in self.references if reference.plan.id == plan_id), None)

    def in_force(self, on: date) -> Reference:
        """Return the reference data of the plan in force on a day: the newest that has begun, at first the first."""
        return self.references[0] if len(self.references) == 1 else self.begun(on)[-1]

    def begun(self, on: date) -> Sequence[Reference]:
        """Return the plans that have begun by a day, in the order of their time; the first one always has."""
        first, *following = self.references
        return [first, *(reference for reference in following if reference.plan.first_day <= on)]

    def after(self, reference: Reference) -> Sequence[Reference]:
        """Return the plans that follow a plan."""
        return self.references[self.ids.index(reference.plan.id) + 1 :]

    def among(self, ids: Collection[str]) -> Sequence[Reference]:
        """Return the reference data of these plans, in the order of their time."""
        return [reference for reference in self.references if reference.plan.id in ids]
