"""The reference data as the services use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from shared.contracts.words import Granularity, Period
from shared.reference.lineage import Lineage
from shared.reference.models import (
    Cohort,
    CriteriaSet,
    Criterion,
    CriterionKey,
    Due,
    Element,
    Goal,
    Instrument,
    Level,
    Opening,
    Plan,
    PlausibleChange,
    Report,
    Spelling,
    SumRule,
    Unit,
)
from shared.reference.units import Units


@dataclass(frozen=True)
class Definitions:
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

    def is_handed_on(self, code: str) -> bool:
        """Whether the element's figures go over to what a unit goes into wholly: criteria are judged by them, and they
        are as at a day. What happened in the past (a flow) stays with the unit that counted it.
        """
        return self.elements[code].nature == "stock" and bool(self.criteria_of_element(code))

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

    def set_of(self, key: CriterionKey) -> str:
        """The id of the set that the criterion is in; KeyError when no set has it."""
        return self._set_of[key]

    def goal(self, key: CriterionKey, level: Level, unit: Unit, year: int) -> Goal:
        """What a level of the criterion asks of a commune in a year; LookupError where the set does not say.

        Of an indicator every set says it for every commune of a plan that was loaded, in the plan's year.
        """
        for goal in level.goals:
            if goal.holds_in(year) and (goal.communes is None or goal.communes == self.commune_group(key, unit)):
                return goal
        raise LookupError(f"{key}: {level.number} asks nothing of {unit.code} in {year}")

    def commune_group(self, key: CriterionKey, unit: Unit) -> str | None:
        """The group of communes that the unit belongs to in the criterion's set; None where that has no such group."""
        return self._commune_groups.get((self._set_of[key], unit.key))

    @cached_property
    def _commune_groups(self) -> dict[tuple[str, int], str]:
        return {
            (one.id, unit.key): group.id
            for one in self.sets.values()
            for group in reversed(one.commune_groups)  # so that the first that names a unit is the last to be noted
            for unit in self.units
            if any(self.units.is_under(unit, code) for code in group.units)
        }

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
    def _set_of(self) -> dict[CriterionKey, str]:
        return {one.key(criterion): one.id for one in self.sets.values() for criterion in one.criteria}

    @cached_property
    def _by_element(self) -> dict[str, tuple[CriterionKey, ...]]:
        found: dict[str, tuple[CriterionKey, ...]] = {}
        for key, criterion in self._criteria.items():
            for code in criterion.element_codes:
                found[code] = (*found.get(code, ()), key)
        return found


@dataclass(frozen=True)
class Reference(Definitions):
    """The catalogue and a plan."""

    plan: Plan

    @property
    def plan_sets(self) -> list[CriteriaSet]:
        """The criteria sets that the plan speaks of, in its order."""
        return [self.sets[name] for name in self.plan.criteria_sets]

    def due_on(self, *keys: CriterionKey) -> tuple[Due, ...]:
        """What the calendar asks for of these criteria in the plan's year, oldest first."""
        if keys not in self._due_on:
            reports = [one for one in self.calendar if not set(keys).isdisjoint(one.criteria)]
            dues = [due for report in reports for due in report.due_in(self.plan.year)]
            self._due_on[keys] = tuple(sorted(dues, key=lambda due: (due.period.end, due.by)))
        return self._due_on[keys]

    @cached_property
    def _due_on(self) -> dict[tuple[CriterionKey, ...], tuple[Due, ...]]:
        return {}

    @cached_property
    def lineage(self) -> Lineage:
        """What becomes of units while the plan runs."""
        return Lineage(self.units, self.plan)

    def members_of(self, cohort: str) -> frozenset[int]:
        """The keys of the communes that the plan names as the cohort's."""
        return self._members.get(cohort, frozenset())

    def cohorts_of(self, unit: Unit) -> list[Cohort]:
        """The cohorts that the commune is in: it is named there, or has taken the place of one that is."""
        stood_for = self.lineage.stood_for(unit)
        return [cohort for cohort in self.plan.cohorts if not stood_for.isdisjoint(self.members_of(cohort.id))]

    def bound_to(self, unit: Unit) -> frozenset[CriterionKey]:
        """The criteria that the plan's cohorts hold a commune to; empty where it is in none."""
        if unit.key not in self._bound_to:
            self._bound_to[unit.key] = frozenset(key for cohort in self.cohorts_of(unit) for key in cohort.criteria)
        return self._bound_to[unit.key]

    @cached_property
    def _members(self) -> dict[str, frozenset[int]]:
        named = {
            cohort.id: (self.units.find(code, self.plan.first_day) for code in cohort.members)
            for cohort in self.plan.cohorts
        }
        return {cohort: frozenset(unit.key for unit in found if unit) for cohort, found in named.items()}

    @cached_property
    def _bound_to(self) -> dict[int, frozenset[CriterionKey]]:
        return {}
