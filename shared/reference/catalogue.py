"""The reference data as the services use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from shared.reference.models import (
    CriteriaSet,
    Criterion,
    CriterionKey,
    Element,
    Instrument,
    Plan,
    Report,
    Spelling,
    SumRule,
)
from shared.reference.units import Units


@dataclass(frozen=True)
class Catalogue:
    """Everything that holds for any plan."""

    units: Units
    elements: Mapping[str, Element]
    sum_rules: list[SumRule]
    sets: Mapping[str, CriteriaSet]
    calendar: list[Report]
    instruments: Mapping[str, Instrument]
    spelling: Spelling

    def criterion(self, key: CriterionKey) -> Criterion:
        """The criterion of this key (`ntm-11`); KeyError when no set has it."""
        return self._criteria[key]

    @property
    def criterion_keys(self) -> tuple[CriterionKey, ...]:
        """Every criterion of every set, in the sets' order."""
        return tuple(self._criteria)

    def criteria_of_element(self, code: str) -> tuple[CriterionKey, ...]:
        """The criteria judged by this element; empty where only the plan's own measures use it."""
        return self._by_element.get(code, ())

    def of(self, plan: Plan) -> Reference:
        """The reference data of this plan: its sets come first, its kinds of units count."""
        return Reference(
            units=self.units.counting(plan.counted_kinds),
            elements=self.elements,
            sum_rules=self.sum_rules,
            sets={**{name: self.sets[name] for name in plan.criteria_sets if name in self.sets}, **self.sets},
            calendar=self.calendar,
            instruments=self.instruments,
            spelling=self.spelling,
            plan=plan,
        )

    @cached_property
    def _criteria(self) -> dict[CriterionKey, Criterion]:
        return {one.key(criterion): criterion for one in self.sets.values() for criterion in one.criteria}

    @cached_property
    def _by_element(self) -> dict[str, tuple[CriterionKey, ...]]:
        found: dict[str, tuple[CriterionKey, ...]] = {}
        for key, criterion in self._criteria.items():
            for code in criterion.element_codes:
                found[code] = (*found.get(code, ()), key)
        return found


@dataclass(frozen=True)
class Reference(Catalogue):
    """The catalogue and a plan."""

    plan: Plan
