"""Definitions: the reference data that hold for any plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from shared.contracts.dossier import DossierStep
from shared.contracts.period import Granularity, Period
from shared.reference.models import (
    Break,
    CriteriaSet,
    Criterion,
    CriterionKey,
    Element,
    Goal,
    Instrument,
    Level,
    Opening,
    PlausibleChange,
    Ratio,
    Report,
    Spelling,
    StepTime,
    SumRule,
    TilesFile,
    Unit,
    UnitGroup,
    UnitList,
)
from shared.reference.units import BELOW_DISTRICTS, DISTRICTS, Units


@dataclass(frozen=True)
class Definitions:
    """Units, elements, criteria sets and the calendar: everything that holds for any plan."""

    units: Units
    tiles: TilesFile | None
    elements: Mapping[str, Element]
    breaks: list[Break]
    plausible_changes: list[PlausibleChange]
    sum_rules: list[SumRule]
    sets: Mapping[str, CriteriaSet]
    groups: Mapping[str, UnitGroup]
    openings: list[Opening]
    calendar: list[Report]
    step_times: list[StepTime]
    instruments: Mapping[str, Instrument]
    spelling: Spelling

    def criterion(self, key: CriterionKey) -> Criterion:
        """Return the criterion of this key (`ntm-11`); KeyError when no set has it."""
        return self._criteria[key]

    @property
    def criterion_keys(self) -> tuple[CriterionKey, ...]:
        """The keys of all criteria of all sets, in the sets' order."""
        return tuple(self._criteria)

    def criteria_of_element(self, code: str) -> tuple[CriterionKey, ...]:
        """Return the criteria that are judged by this element; none where only the plan's own measures use it."""
        return self._by_element.get(code, ())

    def is_handed_on(self, code: str) -> bool:
        """Say whether a unit that merges wholly into another hands its figures of this element on.

        It does where criteria are judged by the element and its figures describe a day (a stock). Figures that count
        events during a period (a flow) stay with the unit that counted them.
        """
        return self.elements[code].nature == "stock" and bool(self.criteria_of_element(code))

    def is_asked_for(self, code: str) -> bool:
        """Say whether forms ask for the element: not where only formulas use it by which nothing is calculated."""
        return code not in self._of_other_formulas

    def is_never_zero(self, code: str) -> bool:
        """Say whether criteria measure shares of what is counted here, and a share of nothing says nothing."""
        return code in self._never_zero

    def is_counted_at_levels(self, code: str) -> bool:
        """Say whether districts count the element as well as their communes."""
        return code in self._counted_at_levels

    def has_counted_at_levels(self, codes: Iterable[str]) -> bool:
        """Say whether districts count one of these elements as well as their communes."""
        return not self._counted_at_levels.isdisjoint(codes)

    def breaks_of(self, elements: Iterable[str]) -> tuple[Break, ...]:
        """Return the breaks in the series of any of these elements, one a day, in the order of their days."""
        by_day = {broken.valid_from: broken for code in elements for broken in self._breaks.get(code, ())}
        return tuple(by_day[day] for day in sorted(by_day))

    def are_comparable(self, code: str, earlier: Period, later: Period) -> bool:
        """Say whether the element's figures for two periods may be compared: no break lies between their ends."""
        return not any(earlier.end < broken.valid_from <= later.end for broken in self._breaks.get(code, ()))

    def plausible_change(self, code: str) -> PlausibleChange | None:
        """Return how far the element's figure may change without being confirmed; None where any change is taken."""
        return self._plausible_changes.get(code)

    def sum_rules_of(self, code: str) -> tuple[SumRule, ...]:
        """Return the sum rules in which the element is a part or the whole."""
        return self._sum_rules.get(code, ())

    def official_period(self, code: str, period: Period) -> Period | None:
        """Return the year whose figure is the official one for this period; None where no other figure is official."""
        if code not in self._official or period.granularity == "year":
            return None
        return Period.parse(str(period.end.year))

    def opening_day(self, period: Period) -> date:
        """Return the first day on which figures for the period are accepted."""
        return self._openings[period.granularity].opening_day_of(period)

    def step_time(self, step: DossierStep) -> StepTime | None:
        """Return the time for a step of a dossier; None where the calendar sets none."""
        return next((time for time in self.step_times if time.step is step), None)

    def reports_of(self, code: str, period: Period) -> tuple[Report, ...]:
        """Return the calendar's reports that ask for this element's figure for the period."""
        return self._reports.get((code, period.granularity, period.end.month), ())

    def set_of(self, key: CriterionKey) -> str:
        """Return the id of the criterion's set; KeyError when no set has the criterion."""
        return self._set_of[key]

    def goal(self, key: CriterionKey, level: Level, unit: Unit, year: int) -> Goal:
        """Return what a level of the criterion asks of a commune in a year; LookupError where the set states nothing.

        The loader has checked that each indicator of a plan's sets has a goal for every commune in the plan's year.
        """
        for goal in level.goals:
            if goal.holds_in(year) and (goal.communes is None or goal.communes == self.commune_group(key, unit)):
                return goal
        raise LookupError(f"{key}: {level.number} asks nothing of {unit.code} in {year}")

    def commune_group(self, key: CriterionKey, unit: Unit) -> str | None:
        """Return the unit's group of communes in the criterion's set; None where it belongs to none."""
        return self._commune_groups.get((self._set_of[key], unit.key))

    @cached_property
    def _commune_groups(self) -> dict[tuple[str, int], str]:
        # reversed: the first group that names a unit is written last and so replaces the others
        return {
            (criteria_set.id, unit.key): group.id
            for criteria_set in self.sets.values()
            for group in reversed(criteria_set.commune_groups)
            for unit in self.units
            if any(self.units.is_under(unit, code) for code in group.units)
        }

    def group_list(self, group: str, unit: Unit, on: date) -> UnitList | None:
        """Return the decision's list that names the unit as one of a group on a day; None where none does.

        A recognition ends the membership earlier (`UnitGroup.ends_with`). That is a figure and no reference data, so
        judging has to look at it (`services.scoring.judging.groups`).
        """
        return next((of for of, units in self._listed[group] if of.holds_on(on) and unit.key in units), None)

    @cached_property
    def _listed(self) -> dict[str, list[tuple[UnitList, frozenset[int]]]]:
        """The lists of each group with the keys of their units; a code means the unit of the list's first day."""
        return {
            group.id: [
                (each, frozenset(unit.key for code in each.units if (unit := self.units.listed(code, each.valid_from))))
                for each in group.lists
            ]
            for group in self.groups.values()
        }

    @cached_property
    def _of_other_formulas(self) -> frozenset[str]:
        indicators = (indicator for criterion in self._criteria.values() for indicator in criterion.indicators)
        variants = (variant for indicator in indicators for variant in indicator.variants)
        return frozenset(code for variant in variants for code in variant.measure.element_codes) - {*self._by_element}

    @cached_property
    def _never_zero(self) -> frozenset[str]:
        measures = [measure for criterion in self._criteria.values() for measure in criterion.measures]
        shares = [measure for measure in measures if isinstance(measure, Ratio) and not measure.may_be_empty]
        return frozenset(code for measure in shares for code in measure.denominator)

    @cached_property
    def _counted_at_levels(self) -> frozenset[str]:
        return frozenset(
            code
            for code, element in self.elements.items()
            if not DISTRICTS.isdisjoint(element.counted_in) and not BELOW_DISTRICTS.isdisjoint(element.counted_in)
        )

    @cached_property
    def _breaks(self) -> dict[str, tuple[Break, ...]]:
        breaks: dict[str, tuple[Break, ...]] = {}
        for broken in self.breaks:
            for code in broken.elements:
                breaks[code] = (*breaks.get(code, ()), broken)
        return breaks

    @cached_property
    def _plausible_changes(self) -> dict[str, PlausibleChange]:
        return {code: change for change in self.plausible_changes for code in change.elements}

    @cached_property
    def _sum_rules(self) -> dict[str, tuple[SumRule, ...]]:
        rules: dict[str, tuple[SumRule, ...]] = {}
        for rule in self.sum_rules:
            for code in (*rule.parts, rule.whole):
                rules[code] = (*rules.get(code, ()), rule)
        return rules

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
        reports: dict[tuple[str, Granularity, int], tuple[Report, ...]] = {}
        for code, keys in self._by_element.items():
            for report in self.calendar:
                if set(keys).isdisjoint(report.criteria):
                    continue
                for month in report.months:
                    here = (code, report.granularity, month)
                    reports[here] = (*reports.get(here, ()), report)
        return reports

    @cached_property
    def _criteria(self) -> dict[CriterionKey, Criterion]:
        return {
            criteria_set.key(criterion): criterion
            for criteria_set in self.sets.values()
            for criterion in criteria_set.criteria
        }

    @cached_property
    def _set_of(self) -> dict[CriterionKey, str]:
        return {
            criteria_set.key(criterion): criteria_set.id
            for criteria_set in self.sets.values()
            for criterion in criteria_set.criteria
        }

    @cached_property
    def _by_element(self) -> dict[str, tuple[CriterionKey, ...]]:
        keys: dict[str, tuple[CriterionKey, ...]] = {}
        for key, criterion in self._criteria.items():
            for code in criterion.element_codes:
                keys[code] = (*keys.get(code, ()), key)
        return keys
