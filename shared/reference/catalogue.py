"""The reference data as the services use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from shared.contracts.words import Granularity, Period
from shared.reference.models import (
    CriteriaSet,
    Criterion,
    CriterionKey,
    Element,
    Instrument,
    Opening,
    Plan,
    PlausibleChange,
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
    plausible_changes: list[PlausibleChange]
    sum_rules: list[SumRule]
    sets: Mapping[str, CriteriaSet]
    openings: list[Opening]
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
            plausible_changes=self.plausible_changes,
            sum_rules=self.sum_rules,
            sets={**{name: self.sets[name] for name in plan.criteria_sets if name in self.sets}, **self.sets},
            openings=self.openings,
            calendar=self.calendar,
            instruments=self.instruments,
            spelling=self.spelling,
            plan=plan,
        )

    def plausible_change(self, code: str) -> PlausibleChange | None:
        """How far the element's figure may move unconfirmed; None: as far as it likes."""
        return self._plausible_changes.get(code)

    def sum_rules_of(self, code: str) -> tuple[SumRule, ...]:
        """The sums that the element is a part of, or the whole."""
        return self._sum_rules.get(code, ())

    def official_period(self, code: str, period: Period) -> Period | None:
        """The period whose figure is the official one for that time; None where there is none, or this is it."""
        if code not in self._official or period.granularity == "year":
            return None
        return Period.parse(str(period.end.year))

    def opening_day(self, period: Period) -> date:
        """The first day on which figures for that period are taken."""
        return self._openings[period.granularity].opening_day_of(period)

    def reports_of(self, code: str, period: Period) -> tuple[Report, ...]:
        """The reports by the calendar that ask for this element's figure for that period."""
        return self._reports.get((code, period.granularity, period.end.month), ())

    @cached_property
    def _plausible_changes(self) -> dict[str, PlausibleChange]:
        return {code: change for change in self.plausible_changes for code in change.elements}

    @cached_property
    def _sum_rules(self) -> dict[str, tuple[SumRule, ...]]:
        found: dict[str, tuple[SumRule, ...]] = {}
        for rule in self.sum_rules:
            for code in (*rule.parts, rule.whole):
                found[code] = (*found.get(code, ()), rule)
        return found

    @cached_property
    def _official(self) -> frozenset[str]:
        return frozenset(
            code for code, keys in self._by_element.items() if any(self._criteria[key].official for key in keys)
        )

    @cached_property
    def _openings(self) -> dict[Granularity, Opening]:
        return {granularity: opening for opening in self.openings for granularity in opening.granularities}

    @cached_property
    def _reports(self) -> dict[tuple[str, Granularity, int], tuple[Report, ...]]:
        found: dict[tuple[str, Granularity, int], tuple[Report, ...]] = {}
        for code, keys in self._by_element.items():
            for report in self.calendar:
                if set(keys).isdisjoint(report.criteria):
                    continue
                for month in report.months:
                    here = (code, report.granularity, month)
                    found[here] = (*found.get(here, ()), report)
        return found

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
