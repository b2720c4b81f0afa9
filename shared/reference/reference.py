"""The reference data of one plan: the definitions, the plan, and the answers that follow from both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property

from shared.contracts.period import Period
from shared.reference.definitions import Definitions
from shared.reference.freshness import Freshness
from shared.reference.lineage import Lineage
from shared.reference.models import (
    COMMUNE_LEVEL,
    Cohort,
    CohortMeeting,
    Commitment,
    CommunesBelow,
    CommunesMeeting,
    CriteriaMet,
    CriteriaSet,
    CriterionKey,
    Done,
    Due,
    Formula,
    Plan,
    Rate,
    Report,
    Total,
    Unit,
    UnitKind,
)
from shared.reference.series import Series
from shared.reference.sum_checks import SumChecks
from shared.reference.terms import Condition, Measure, Terms

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Reference(Definitions):
    """The definitions together with one plan."""

    plan: Plan
    own_sets: Mapping[str, CriteriaSet]
    """The criteria sets by their own formulas, of which another plan may choose other ones."""

    @classmethod
    def of(cls, definitions: Definitions, plan: Plan) -> Reference:
        """Join the definitions with a plan: the plan's sets come first, and units of its kinds count.

        Criteria are calculated by the formulas that the plan chooses, and rates of the same formula with them.
        """
        own_sets = definitions.own_sets if isinstance(definitions, Reference) else definitions.sets
        sets = {name: of_name.by(plan.formulas) for name, of_name in own_sets.items()}
        return cls(
            units=definitions.units.counting(plan.counted_kinds),
            tiles=definitions.tiles,
            elements=definitions.elements,
            breaks=definitions.breaks,
            plausible_changes=definitions.plausible_changes,
            sum_rules=definitions.sum_rules,
            groups=definitions.groups,
            sets={
                **{name: sets[name] for name in plan.criteria_sets if name in sets},
                **sets,
            },
            openings=definitions.openings,
            calendar=definitions.calendar,
            step_times=definitions.step_times,
            instruments=definitions.instruments,
            spelling=definitions.spelling,
            plan=_with_rates(plan, sets.values()),
            own_sets=own_sets,
        )

    @cached_property
    def lineage(self) -> Lineage:
        """The mergers and splits of units while the plan runs."""
        return Lineage(self.units, self.plan)

    @property
    def plan_sets(self) -> list[CriteriaSet]:
        """The criteria sets that the plan names, in its order."""
        return [self.sets[name] for name in self.plan.criteria_sets]

    def due_on(self, *keys: CriterionKey) -> tuple[Due, ...]:
        """Return the reports that the calendar asks for on these criteria in the plan's year, oldest first.

        A report is asked for about periods that end while the set of one of its criteria is in force.
        """
        if keys not in self._due_on:
            dues = [
                due
                for report in self.calendar
                if (asked := set(keys).intersection(report.criteria))
                for due in report.due_in(self.plan.year)
                if any(first <= due.period.end <= last for first, last in map(self.time_of, asked))
            ]
            self._due_on[keys] = tuple(sorted(dues, key=lambda due: (due.period.end, due.by)))
        return self._due_on[keys]

    def due_on_elements(self, elements: Iterable[str]) -> tuple[Due, ...]:
        """Return the reports that the calendar asks of offices on these elements in the plan's year, oldest first."""
        wanted = frozenset(elements)
        if wanted not in self._due_on_elements:
            reports = [report for report in self.calendar if not wanted.isdisjoint(report.elements)]
            dues = {due for report in reports for due in report.due_in(self.plan.year)}
            self._due_on_elements[wanted] = tuple(sorted(dues, key=lambda due: (due.period.end, due.by)))
        return self._due_on_elements[wanted]

    def dues_of(self, commitment: Commitment) -> tuple[Due, ...]:
        """Return the reports that the calendar asks for on the commitment's elements, oldest first."""
        elements = self.elements_of(commitment)
        criteria = dict.fromkeys(key for element in sorted(elements) for key in self.criteria_of_element(element))
        return self.due_on(*criteria) or self.due_on_elements(elements)

    def reports_for(
        self, period: Period, criteria: Collection[CriterionKey], elements: Collection[str]
    ) -> list[Report]:
        """Return the calendar's reports for a period about one of these criteria or elements."""
        return [
            report
            for report in self.calendar
            if not (set(criteria).isdisjoint(report.criteria) and set(elements).isdisjoint(report.elements))
            and period in report.periods_of(period.end.year)
        ]

    def stands_months(self, elements: Iterable[str]) -> int | None:
        """Return for how many months figures of all these elements may stand for the present; None: until the next."""
        codes = tuple(elements)
        if codes not in self._stands_months:
            own = (self.elements[element].stands_months for element in codes)
            months = [self.plan.figures_stand_months if of_element is None else of_element for of_element in own]
            self._stands_months[codes] = min((of_element for of_element in months if of_element), default=None)
        return self._stands_months[codes]

    def freshness_of(self, commitment: Commitment) -> Freshness:
        """Return how figures of the commitment's elements age."""
        key = (commitment.id, commitment.deadline)
        if key not in self._freshness:
            months = self.stands_months(sorted(self.elements_of(commitment)))
            self._freshness[key] = Freshness(self.dues_of(commitment), months, self.ages_until(commitment.deadline))
        return self._freshness[key]

    def freshness_on(self, key: CriterionKey, elements: Sequence[str], deadline: date) -> Freshness:
        """Return how figures of a criterion's elements age for what is to be reached by a deadline."""
        of = (key, *elements, deadline)
        if of not in self._freshness:
            self._freshness[of] = Freshness(self.due_on(key), self.stands_months(elements), self.ages_until(deadline))
        return self._freshness[of]

    def ages_until(self, deadline: date) -> date:
        """Return the last day on which figures age for what a deadline binds: until the plan is closed."""
        return max(deadline, self.plan.closes or deadline)

    # Breaks in the series of figures

    def series_of(self, elements: Iterable[str]) -> tuple[Series, ...]:
        """Return the series of a measure of these elements that begin with a break, of the time that the plan looks at.

        A break before that time separates nothing that the plan compares.
        """
        codes = tuple(elements)
        if codes not in self._series:
            breaks = self.breaks_of(codes)
            horizon = self.plan.horizon
            self._series[codes] = tuple(Series(each.valid_from, each) for each in breaks if each.valid_from > horizon)
        return self._series[codes]

    def series_summed(self, commitment: Commitment) -> tuple[Series, ...]:
        """Return the series of a sum over many units that begin by the commitment's deadline.

        No sum mixes two series: it goes over to the next on the day after the first report by it was due, or on the
        day of the break where none is asked for. A sum over a year is one sum whatever was counted: it adds up events.
        """
        key = (commitment.id, commitment.deadline)
        if key not in self._series_summed:
            self._series_summed[key] = tuple(self._find_series_summed(commitment))
        return self._series_summed[key]

    def _find_series_summed(self, commitment: Commitment) -> Iterator[Series]:
        is_one_sum = isinstance(commitment.measure, Total) and not commitment.is_compared
        if is_one_sum or isinstance(commitment.measure, Done):
            return
        for series in self.series_of(sorted(self.elements_of(commitment))):
            if series.begins > commitment.deadline:
                return
            dues = (due.by + _DAY for due in self.dues_of(commitment) if due.period.end >= series.begins)
            yield series._replace(begins=min(dues, default=series.begins))

    # Cohorts, and the criteria by which a commune is judged

    def members_of(self, cohort: str, group: str | None = None) -> frozenset[int]:
        """Return the keys of the communes that the plan names as members of the cohort.

        With `group` only those that are of the group on the plan's first day. No recognition is looked at: a cohort's
        commune is recognised, and leaves the group, in the plan's own time.
        """
        members = self._members.get(cohort, frozenset())
        if group is None:
            return members
        if (cohort, group) not in self._members_of_group:
            units = (self.units.by_key(key) for key in members)
            first = self.plan.first_day
            of_group = frozenset(unit.key for unit in units if self.group_list(group, unit, first))
            self._members_of_group[cohort, group] = of_group
        return self._members_of_group[cohort, group]

    def cohorts_of(self, unit: Unit) -> list[Cohort]:
        """Return the cohorts of a commune: those that name it, or name a commune whose place it has taken."""
        stood_for = self.lineage.stood_for(unit)
        return [cohort for cohort in self.plan.cohorts if not stood_for.isdisjoint(self.members_of(cohort.id))]

    def bound_to(self, unit: Unit) -> frozenset[CriterionKey]:
        """Return the criteria to which the plan's cohorts bind a commune; none where it is in no cohort."""
        if unit.key not in self._bound_to:
            self._bound_to[unit.key] = frozenset(key for cohort in self.cohorts_of(unit) for key in cohort.criteria)
        return self._bound_to[unit.key]

    def binds(self, unit: Unit, key: CriterionKey) -> bool:
        """Tell whether a cohort of the plan binds the commune to the criterion."""
        return key in self.bound_to(unit)

    def bound_communes(self, until: date) -> dict[int, list[CriterionKey]]:
        """Return the criteria that bind communes, by commune: all communes of the plan's time that have begun by a day.

        They are judged by these criteria also where nobody has reported.
        """
        plan = self.plan
        return {
            unit.key: sorted(keys)
            for unit in self.units
            if unit.kind in plan.counted_kinds
            and unit.valid_from <= until
            and (unit.valid_to is None or unit.valid_to >= plan.first_day)
            and self.units.is_under(unit, plan.unit)
            and (keys := self.bound_to(unit))
        }

    def judges(self, unit: Unit, key: CriterionKey) -> bool:
        """Tell whether a commune is judged by the criterion: one of the sets for all communes, or one that binds it.

        Whose first day comes after the set's last one is never judged by it.
        """
        judged = self.set_of(key) in self._sets_for_all or self.binds(unit, key)
        return judged and unit.valid_from <= self.time_of(key)[1]

    @cached_property
    def _sets_for_all(self) -> frozenset[str]:
        """The plan's first set, and those of its sets that take each other's place with it."""
        names, others = {self.plan.criteria_sets[0]}, self.plan_sets
        while joined := {
            each.id
            for each in others
            if each.id not in names
            and (each.replaces in names or any(self.sets[name].replaces == each.id for name in names))
        }:
            names |= joined
        return frozenset(names)

    def criteria_of(self, unit: Unit, begun_by: date = date.max) -> list[CriterionKey]:
        """Return the criteria that a commune is judged by, in the sets' order: of sets that have begun by a day."""
        return [key for key in self.criterion_keys if self.judges(unit, key) and self.time_of(key)[0] <= begun_by]

    def time_of(self, key: CriterionKey) -> tuple[date, date]:
        """Return the first and the last day on which a criterion's set is in force."""
        return self._times[self.set_of(key)]

    @cached_property
    def _times(self) -> Mapping[str, tuple[date, date]]:
        return {name: (of_name.valid_from, of_name.valid_to or date.max) for name, of_name in self.sets.items()}

    # Commitments, and the units whose figures they are judged by

    @cached_property
    def targets(self) -> Sequence[tuple[Commitment, Unit]]:
        """Each of the plan's commitments with each unit that it binds, as of the plan's first day."""
        return tuple(
            (commitment, target)
            for commitment in self.plan.commitments
            for code in commitment.units
            if (target := self.units.find(code, self.plan.first_day))
        )

    def targets_of(self, unit: Unit, elements: Iterable[str]) -> list[tuple[Commitment, Unit]]:
        """Return the commitments whose values depend on any of these elements of a unit, each with whom it binds."""
        places = {place for code in elements for place in self._places_of_targets.get(code, ())}
        return [self.targets[place] for place in sorted(places & self._places_above(unit))]

    def _places_above(self, unit: Unit) -> frozenset[int]:
        """Return the places in `targets` of those that the unit's figures are part of."""
        if unit.key not in self._places_by_unit:
            self._places_by_unit[unit.key] = frozenset(
                place
                for place, (commitment, target) in enumerate(self.targets)
                if self.units.is_under(unit, target.code) and self.contributes(unit, commitment, target)
            )
        return self._places_by_unit[unit.key]

    @cached_property
    def _places_of_targets(self) -> Mapping[str, Sequence[int]]:
        """The places in `targets` of the commitments whose value depends on an element."""
        return {
            code: [
                place for place, (commitment, _) in enumerate(self.targets) if code in self.elements_behind(commitment)
            ]
            for code in self.elements
        }

    def formula_behind(self, commitment: Commitment) -> Formula | None:
        """Return the reading on which a commitment's value rests; None where its formula can be read in one way."""
        match commitment.measure:
            case Rate(formula=formula):
                return formula
            case CommunesMeeting(criterion=criterion):
                return self.criterion(criterion).formula
        return None

    def elements_of(self, commitment: Commitment) -> frozenset[str]:
        """Return the codes of the elements that the commitment's value is calculated from."""
        # the commitment is kept in the value because its id is unique only while it lives
        if id(commitment) not in self._elements_of:
            self._elements_of[id(commitment)] = commitment, self._find_elements_of(commitment)
        return self._elements_of[id(commitment)][1]

    def _find_elements_of(self, commitment: Commitment) -> frozenset[str]:
        match commitment.measure:
            case Rate() as rate:
                return frozenset(rate.element_codes)
            case Total(elements=elements):
                return frozenset(elements)
            case Done(element=element):
                return frozenset({element})
            case _:
                keys = self._criteria_met_for(commitment)
                return frozenset(code for key in keys for code in self.criterion(key).element_codes)

    def _criteria_met_for(self, commitment: Commitment) -> Sequence[CriterionKey]:
        """Return the criteria that communes have to meet for the commitment; none where it counts something else."""
        match commitment.measure:
            case CommunesMeeting(criterion=criterion):
                return (criterion,)
            case CohortMeeting(cohort=cohort):
                return self.criteria_of_cohort(cohort)
            case CriteriaMet(criteria_set=name):
                return self.criteria_of_set(name)
            case _:
                return ()

    def contributes(self, unit: Unit, commitment: Commitment, target: Unit) -> bool:
        """Tell whether the unit's figures are part of the target's commitment."""
        match commitment.measure:
            case Done():
                return unit.key == target.key
            case Total():
                is_counted = unit.kind not in COMMUNE_LEVEL or unit.kind in self.kinds_counted(commitment)
                return is_counted and self.units.is_under(unit, target.code)
            case CohortMeeting() | CommunesMeeting() | CriteriaMet():
                members = self._members_counted(commitment)
                is_counted = self.is_of_the_plan(unit) if members is None else unit.key in members
                return is_counted and self.units.is_under(unit, target.code)
            case Rate():
                return unit.kind in self.kinds_counted(commitment) and self.units.is_under(unit, target.code)

    @cached_property
    def sum_checks(self) -> SumChecks:
        """The sum rules that figures have to keep before they are judged by."""
        rates = [own.measure for own in self.plan.commitments if isinstance(own.measure, Rate)]
        return SumChecks(self.sum_rules, {key: self.criterion(key) for key in self.criterion_keys}, rates)

    def terms_of(self, measure: Measure) -> Terms:
        """Return how the plan counts a measure of its criteria or commitments."""
        # the measure is kept in the value because its id is unique only while it lives
        if id(measure) not in self._terms:
            terms = Terms(measure, self.plan.baseline_date, self.plan.counts_from, self.sum_checks.rules_for(measure))
            self._terms[id(measure)] = measure, self._terms_alike.setdefault(terms.calculation, terms)
        return self._terms[id(measure)][1]

    @cached_property
    def _terms(self) -> dict[int, tuple[Measure, Terms]]:
        return {}

    @cached_property
    def _terms_alike(self) -> dict[object, Terms]:
        return {}

    def conditions_of(self, key: CriterionKey, unit: Unit, until: date) -> Sequence[Condition]:
        """Return what a criterion asks of a commune in the plan's year, with how figures age until a deadline."""
        of = key, self.commune_group(key, unit), until
        if of not in self._conditions:
            self._conditions[of] = tuple(
                Condition(
                    self.terms_of(group.measure),
                    Fraction(self.goal(key, indicator, unit, self.plan.year).goal),
                    indicator.direction == "at_least",
                    self.freshness_on(key, group.measure.element_codes, until),
                )
                for indicator in self.criterion(key).indicators
                for group in indicator.groups
            )
        return self._conditions[of]

    @cached_property
    def _conditions(self) -> dict[tuple[CriterionKey, str | None, date], Sequence[Condition]]:
        return {}

    def elements_behind(self, commitment: Commitment) -> frozenset[str]:
        """Return the codes of the commitment's elements, and of those that only check their figures."""
        if id(commitment) not in self._elements_behind:
            self._elements_behind[id(commitment)] = commitment, self._find_elements_behind(commitment)
        return self._elements_behind[id(commitment)][1]

    def _find_elements_behind(self, commitment: Commitment) -> frozenset[str]:
        if isinstance(commitment.measure, Rate):
            return self.sum_checks.elements_with_checks(commitment.measure)
        behind = map(self.sum_checks.elements_behind, self._criteria_met_for(commitment))
        return self.elements_of(commitment).union(*behind)

    @cached_property
    def elements_summed_over_time(self) -> frozenset[str]:
        """The elements of sums for which each figure of a time counts."""
        by_history = (own for own in self.plan.commitments if isinstance(own.measure, Total | Done))
        return frozenset().union(*map(self.elements_behind, by_history))

    @cached_property
    def elements_compared(self) -> frozenset[str]:
        """The elements of rates of which a change since the baseline date is asked."""
        compared = (own for own in self.plan.commitments if isinstance(own.measure, Rate) and own.is_compared)
        return frozenset().union(*map(self.elements_behind, compared))

    def elements_together(self, family: tuple[int, ...]) -> Sequence[frozenset[str]]:
        """Return the groups of elements by which the units of a family are judged: each criterion's, and those of each
        commitment that their figures are part of."""
        if family not in self._elements_together:
            units = [self.units.by_key(key) for key in family]
            criteria = [self.sum_checks.elements_behind(key) for key in self.criterion_keys]
            places = frozenset().union(*map(self._places_above, units))
            commitments = [self.elements_behind(self.targets[place][0]) for place in sorted(places)]
            self._elements_together[family] = tuple(dict.fromkeys([*criteria, *commitments]))
        return self._elements_together[family]

    def counts_communes(self, commitment: Commitment) -> bool:
        """Tell whether a commitment is a number of communes for which the plan has milestones."""
        counts = CommunesMeeting | CohortMeeting | CommunesBelow
        return bool(commitment.milestones) and isinstance(commitment.measure, counts)

    def cohort_of(self, commitment: Commitment) -> str | None:
        """Return the id of the cohort whose communes a commitment counts; None where it counts all of the unit."""
        match commitment.measure:
            case CohortMeeting(cohort=cohort) | CriteriaMet(cohort=cohort):
                return cohort
            case _:
                return None

    def _members_counted(self, commitment: Commitment) -> frozenset[int] | None:
        """Return the keys of the members that a commitment on a cohort, or a part of it, counts; None without one."""
        cohort = self.cohort_of(commitment)
        if cohort is None:
            return None
        group = commitment.measure.group if isinstance(commitment.measure, CohortMeeting) else None
        return self.members_of(cohort, group)

    def criteria_counted(self, commitment: Commitment) -> int:
        """Return how many criteria a commune may meet, where the commitment counts those that it meets; else 0."""
        measure = commitment.measure
        return len(self.criteria_of_set(measure.criteria_set)) if isinstance(measure, CriteriaMet) else 0

    def criteria_of_set(self, name: str) -> tuple[CriterionKey, ...]:
        """Return the keys of a set's criteria."""
        if name not in self._criteria_of_set:
            criteria_set = self.sets[name]
            self._criteria_of_set[name] = tuple(criteria_set.key(criterion) for criterion in criteria_set.criteria)
        return self._criteria_of_set[name]

    def kinds_counted(self, commitment: Commitment) -> tuple[UnitKind, ...]:
        """Return the kinds of units at the communes' level that a commitment counts, or whose figures it sums up."""
        measure = commitment.measure
        kinds = measure.counted_in if isinstance(measure, Rate | Total) else None
        return tuple(kinds or self.plan.counted_kinds)

    def kinds_summed(self, commitment: Commitment) -> tuple[UnitKind, ...]:
        """Return the kinds of units whose figures a commitment sums up; none where it counts communes or activities."""
        return self.kinds_counted(commitment) if isinstance(commitment.measure, Rate | Total) else ()

    def is_of_the_plan(self, unit: Unit, kinds: Sequence[UnitKind] | None = None) -> bool:
        """Tell whether the unit is a commune, or a unit of other kinds, of the plan's first day."""
        return unit.kind in (kinds or self.plan.counted_kinds) and unit.is_valid(self.plan.first_day)

    def communes_counted(self, target: Unit, on: date, kinds: tuple[UnitKind, ...] | None = None) -> int:
        """Count the communes below a target that count on a day: those of the plan's first day that have not left.

        `kinds`: None for the kinds that the plan counts.
        """
        of = target.key, on, kinds
        if of not in self._communes_counted:
            communes = self.units.communes(self.plan.first_day, target.code, kinds)
            self._communes_counted[of] = sum(self._counts(commune, on, kinds) for commune in communes)
        return self._communes_counted[of]

    def communes_expected(self, commitment: Commitment, target: Unit, on: date) -> int | None:
        """Count the communes whose figures the commitment's value needs; None where it is not a measure of communes."""
        match commitment.measure:
            case Total() | Done():
                return None
            case _ if (keys := self._members_counted(commitment)) is not None:
                members = (self.units.by_key(key) for key in keys)
                return sum(self.units.is_under(member, target.code) for member in members if self._counts(member, on))
            case _:
                return self.communes_counted(target, on, self.kinds_counted(commitment))

    def _counts(self, commune: Unit, on: date, kinds: tuple[UnitKind, ...] | None = None) -> bool:
        """Tell whether a commune of the plan's first day, or its successor, counts on a day."""
        left = self.lineage.left(commune, kinds)
        return left is None or on < left

    def owes(self, unit: Unit, elements: Iterable[str]) -> bool:
        """Tell whether the calendar asks a unit for reports on one of these elements."""
        return any(unit.kind in self._kinds_that_owe.get(element, ()) for element in elements)

    def reports_owed(self, commitment: Commitment, target: Unit, on: date) -> Sequence[tuple[Due, int]]:
        """Return the reports on a commitment up to its deadline, each with the number of those who owe it on a day.

        Communes owe what the calendar asks for on criteria, offices what it asks for on the elements of a sum. None
        where the criteria that communes meet are counted: there each criterion has its own reports.
        """
        if isinstance(commitment.measure, CriteriaMet):
            return ()
        if (communes := self.communes_expected(commitment, target, on)) is None:
            return self.offices_that_owe(commitment, target)
        return [(due, communes) for due in self.dues_of(commitment) if due.period.end <= commitment.deadline]

    def offices_that_owe(self, commitment: Commitment, target: Unit) -> tuple[tuple[Due, int], ...]:
        """Return the reports of offices on a sum, each with the number of offices below the target that owe it.

        Only those about the time up to the deadline. Empty where the calendar asks for none.
        """
        key = commitment.id, commitment.deadline, target.key
        if key not in self._offices_that_owe:
            self._offices_that_owe[key] = tuple(self._count_offices(commitment, target))
        return self._offices_that_owe[key]

    def _count_offices(self, commitment: Commitment, target: Unit) -> Iterator[tuple[Due, int]]:
        if not isinstance(commitment.measure, Total):
            return
        elements = commitment.measure.elements
        offices = [unit for unit in self.units if self.owes(unit, elements) and self.units.is_under(unit, target.code)]
        for due in self.due_on_elements(elements):
            if due.period.end <= commitment.deadline:
                yield due, sum(office.is_valid(due.period.end) for office in offices)

    def criteria_of_cohort(self, cohort: str) -> Sequence[CriterionKey]:
        """Return the criteria that each of the cohort's communes has to meet."""
        return next(found.criteria for found in self.plan.cohorts if found.id == cohort)

    @cached_property
    def _due_on(self) -> dict[tuple[CriterionKey, ...], tuple[Due, ...]]:
        return {}

    @cached_property
    def _criteria_of_set(self) -> dict[str, tuple[CriterionKey, ...]]:
        return {}

    @cached_property
    def _elements_behind(self) -> dict[int, tuple[Commitment, frozenset[str]]]:
        return {}

    @cached_property
    def _places_by_unit(self) -> dict[int, frozenset[int]]:
        return {}

    @cached_property
    def _elements_together(self) -> dict[tuple[int, ...], Sequence[frozenset[str]]]:
        return {}

    @cached_property
    def _elements_of(self) -> dict[int, tuple[Commitment, frozenset[str]]]:
        return {}

    @cached_property
    def _communes_counted(self) -> dict[tuple[int, date, tuple[UnitKind, ...] | None], int]:
        return {}

    @cached_property
    def _freshness(self) -> dict[tuple[object, ...], Freshness]:
        return {}

    @cached_property
    def _stands_months(self) -> dict[tuple[str, ...], int | None]:
        return {}

    @cached_property
    def _series(self) -> dict[tuple[str, ...], tuple[Series, ...]]:
        return {}

    @cached_property
    def _series_summed(self) -> dict[tuple[str, date], tuple[Series, ...]]:
        return {}

    @cached_property
    def _due_on_elements(self) -> dict[frozenset[str], tuple[Due, ...]]:
        return {}

    @cached_property
    def _kinds_that_owe(self) -> dict[str, frozenset[str]]:
        return {
            element: frozenset(
                kind for report in self.calendar if element in report.elements for kind in report.reported_by
            )
            for element in self.elements
        }

    @cached_property
    def _offices_that_owe(self) -> dict[tuple[str, date, int], tuple[tuple[Due, int], ...]]:
        return {}

    @cached_property
    def _members(self) -> dict[str, frozenset[int]]:
        named = {
            cohort.id: (self.units.find(code, self.plan.first_day) for code in cohort.members)
            for cohort in self.plan.cohorts
        }
        return {cohort: frozenset(unit.key for unit in found if unit) for cohort, found in named.items()}

    @cached_property
    def _members_of_group(self) -> dict[tuple[str, str], frozenset[int]]:
        return {}

    @cached_property
    def _bound_to(self) -> dict[int, frozenset[CriterionKey]]:
        return {}


def _with_rates(plan: Plan, sets: Iterable[CriteriaSet]) -> Plan:
    """Return the plan with its rates of criteria calculated as these are."""
    criteria = {of.key(criterion): criterion for of in sets for criterion in of.criteria}
    commitments = [
        commitment.model_copy(update={"measure": measure.by(criteria[measure.formula_of])})
        if isinstance(measure := commitment.measure, Rate) and measure.formula_of in criteria
        else commitment
        for commitment in plan.commitments
    ]
    return plan.model_copy(update={"commitments": commitments})
