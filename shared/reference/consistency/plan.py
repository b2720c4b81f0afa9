"""Checks of a plan's names, and of the invented members of its cohorts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta

from shared.reference.consistency.checks import COHORT, CRITERION, ELEMENT, GROUP, ROLE, Checks, term
from shared.reference.consistency.criteria_met import of_criteria_met
from shared.reference.consistency.path import of_path
from shared.reference.consistency.routing import of_routing
from shared.reference.faults import FileFault
from shared.reference.located import Located, Place
from shared.reference.models import (
    COMMUNE_LEVEL,
    MEASURED_IN,
    UNIT_KINDS,
    Cohort,
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    CriteriaMet,
    CriteriaSet,
    CriterionKey,
    Done,
    Indicator,
    Plan,
    Rate,
    Ratio,
    RoleHolder,
    SampleCohorts,
    Total,
    Unit,
    UnitKind,
)
from shared.reference.reference import Reference
from shared.reference.units import Units
from shared.texts import filled, phrase


def of_plan(located: Located, reference: Reference) -> list[FileFault]:
    """Check that all units, sets, criteria, elements, cohorts, roles and instruments that the plan names exist."""
    checks, plan = Checks(located), reference.plan
    if plan.closes is not None and plan.closes < plan.deadline:
        problem = filled(phrase("consistency_plan.closes_early"), deadline=plan.deadline)
        checks.fault(("closes",), problem, phrase("consistency_plan.close_later"), plan.closes)
    roles = {holder.role for holder in plan.roles}
    cohorts = {cohort.id for cohort in plan.cohorts}
    checks.unique(("roles",), (holder.role for holder in plan.roles), "role")
    checks.unique(("cohorts",), (cohort.id for cohort in plan.cohorts), "id")
    checks.unique(("commitments",), (commitment.id for commitment in plan.commitments), "id")
    checks.all_known(("criteria_sets",), plan.criteria_sets, reference.sets, phrase("consistency_plan.criteria_set"))
    for at, name in enumerate(plan.criteria_sets):
        if name in reference.sets:
            _set(checks, ("criteria_sets", at), reference.sets[name], reference)
    criteria = {
        criteria_set.key(criterion)
        for criteria_set in reference.sets.values()
        if criteria_set.id in plan.criteria_sets
        for criterion in criteria_set.criteria
    }
    for key, formula in plan.formulas.items():
        if checks.known(("formulas",), key, criteria, CRITERION):
            known = reference.criterion(key).formulas
            checks.known(("formulas", key), formula, known, phrase("consistency_plan.formula"))
    _unit(checks, ("unit",), plan.unit, reference)
    for at, holder in enumerate(plan.roles):
        checks.all_known(("roles", at, "owns"), holder.owns, criteria, CRITERION)
        _succession_of_role(checks, ("roles", at), holder, plan)
    for at, recipient in enumerate(plan.distribution):
        checks.all_known(("distribution", at, "roles"), recipient.roles, roles, ROLE)
    for at, cohort in enumerate(plan.cohorts):
        place: Place = ("cohorts", at)
        checks.all_known((*place, "criteria"), cohort.criteria, criteria, CRITERION)
        for position, code in enumerate(cohort.members):
            _commune(checks, (*place, "members", position), code, plan, reference.units)
        _members(checks, (*place, "members"), cohort.members, cohort.size)
        _parts(checks, (*place, "of_which"), cohort, reference)
    for at, commitment in enumerate(plan.commitments):
        place = ("commitments", at)
        checks.all_known((*place, "responsible"), commitment.responsible, roles, ROLE)
        for position, code in enumerate(commitment.units):
            _unit(checks, (*place, "units", position), code, reference)
        _measure(checks, place, commitment, criteria, reference)
        _one_formula(checks, (*place, "measure"))
        of_path(checks, place, commitment, plan)
    checks.unique(("duties",), (duty.id for duty in plan.duties), "id")
    for at, duty in enumerate(plan.duties):
        checks.all_known(("duties", at, "roles"), duty.roles, roles, ROLE)
        checks.all_known(("duties", at, "together_with"), duty.together_with, roles, ROLE)
        if duty.starts and duty.ends and duty.ends < duty.starts:
            problem = filled(phrase("consistency_checks.ends_before_it_begins"), begins=duty.starts)
            checks.fault(("duties", at, "ends"), problem, phrase("consistency_checks.write_a_later_day"), duty.ends)
    of_routing(checks, reference)
    for at, span in enumerate(plan.stated_spans):
        if span.instrument is not None:
            what = phrase("consistency_plan.instrument")
            checks.known(("stated_spans", at, "instrument"), span.instrument, reference.instruments, what)
    for at, stated in enumerate(plan.stated_units):
        _unit(checks, ("stated_units", at, "code"), stated.code, reference)
    for at, count in enumerate(plan.stated_counts):
        checks.known(("stated_counts", at, "of"), count.of, cohorts, COHORT)
    return checks.faults


def _succession_of_role(checks: Checks, place: Place, holder: RoleHolder, plan: Plan) -> None:
    """Check that a role's days are in order, and that the role to which it passes is there from the next day on."""
    term(checks, place, holder)
    if holder.passes_to is None:
        return
    roles = {other.role: other for other in plan.roles}
    if not checks.known((*place, "passes_to"), holder.passes_to, roles, ROLE):
        return
    next_day = holder.valid_to + timedelta(days=1) if holder.valid_to else None
    if next_day is None or not roles[holder.passes_to].holds_on(next_day):
        checks.fault(
            (*place, "passes_to"),
            phrase("consistency_plan.role_passes_to_nobody"),
            phrase("consistency_plan.give_valid_to_and_next"),
            holder.passes_to,
        )


def of_sample(located: Located, sample: SampleCohorts, plan: Plan, units: Units) -> list[FileFault]:
    """Check that invented members are communes, new to their cohort, and no more than the plan leaves unnamed."""
    checks = Checks(located)
    cohorts = {cohort.id: cohort for cohort in plan.cohorts}
    for name, codes in sample.members.items():
        place: Place = ("members", name)
        if not checks.known(place, name, cohorts, COHORT):
            continue
        for position, code in enumerate(codes):
            _commune(checks, (*place, position), code, plan, units)
        _members(checks, place, [*cohorts[name].members, *codes], cohorts[name].size)
    return checks.faults


def _set(checks: Checks, place: Place, criteria_set: CriteriaSet, reference: Reference) -> None:
    """Check that the set is for the plan's year and that each of its indicators then has a goal for every commune."""
    year = reference.plan.year
    if not criteria_set.is_for(year) and not _is_replaced(criteria_set, reference):
        checks.fault(
            place,
            filled(phrase("consistency_plan.set_not_for_year"), year=year),
            filled(
                phrase("consistency_plan.set_is_for"), first=criteria_set.first_year, last=criteria_set.last_year or "…"
            ),
            criteria_set.id,
        )
        return
    communes = list(_communes_of(reference))
    for criterion in criteria_set.criteria:
        key = criteria_set.key(criterion)
        for indicator in criterion.indicators:
            without = [unit.code for unit in communes if not _is_asked(key, indicator, unit, reference)]
            if without:
                checks.fault(
                    place,
                    filled(
                        phrase("consistency_plan.indicator_without_goal"),
                        indicator=indicator.number,
                        year=year,
                        count=len(without),
                        commune=without[0],
                    ),
                    phrase("consistency_plan.add_goal_or_group"),
                    criteria_set.id,
                )


def _is_replaced(criteria_set: CriteriaSet, reference: Reference) -> bool:
    """Tell whether a set ends in the course of the plan, and another of its sets takes the place of this one."""
    plan = reference.plan
    is_of_its_time = criteria_set.valid_from <= plan.deadline and (criteria_set.valid_to or date.max) >= plan.first_day
    known = [reference.sets[name] for name in plan.criteria_sets if name in reference.sets]
    return is_of_its_time and any(other.replaces == criteria_set.id and other.is_for(plan.year) for other in known)


def _in_force(
    checks: Checks, place: Place, commitment: Commitment, keys: Iterable[CriterionKey], reference: Reference
) -> None:
    """Check that the sets of criteria by which communes are counted are in force at the commitment's deadline."""
    known = [key for key in keys if key in reference.criterion_keys]
    for name in sorted({reference.set_of(key) for key in known}):
        of_name = reference.sets[name]
        if not of_name.valid_from <= commitment.deadline <= (of_name.valid_to or date.max):
            checks.fault(
                (*place, "deadline"),
                filled(phrase("consistency_plan.set_not_in_force"), set=name),
                filled(
                    phrase("consistency_plan.set_is_in_force"), first=of_name.valid_from, last=of_name.valid_to or "…"
                ),
                commitment.deadline,
            )


def _communes_of(reference: Reference) -> Iterator[Unit]:
    """Return all units whose figures may count, also units that end or begin in the course of the plan."""
    plan, units = reference.plan, reference.units
    for unit in units:
        if (
            (unit.valid_to or date.max) >= plan.horizon
            and unit.kind in plan.counted_kinds
            and units.is_under(unit, plan.unit)
        ):
            yield unit


def _is_asked(key: CriterionKey, indicator: Indicator, unit: Unit, reference: Reference) -> bool:
    try:
        reference.goal(key, indicator, unit, reference.plan.year)
    except LookupError:
        return False
    return True


def _measure(
    checks: Checks,
    place: Place,
    commitment: Commitment,
    criteria: Collection[str],
    reference: Reference,
) -> None:
    if commitment.criterion is not None:
        checks.known((*place, "criterion"), commitment.criterion, criteria, CRITERION)
    here = (*place, "measure")
    unit = MEASURED_IN.get(commitment.measure.kind, commitment.measured_in)
    if commitment.measured_in != unit:
        remedy = filled(phrase("consistency_plan.write_measured_in"), unit=unit)
        problem = filled(phrase("consistency_plan.measure_has_its_unit"), kind=commitment.measure.kind)
        checks.fault((*place, "measured_in"), problem, remedy, commitment.measured_in)
    match commitment.measure:
        case CommunesMeeting(criterion=key):
            checks.known((*here, "criterion"), key, criteria, CRITERION)
            _in_force(checks, place, commitment, [key], reference)
        case CohortMeeting(cohort=name, group=group):
            _cohort_meeting(checks, here, name, group, reference)
            of_cohort = [key for each in reference.plan.cohorts if each.id == name for key in each.criteria]
            _in_force(checks, place, commitment, of_cohort, reference)
        case CriteriaMet() as measure:
            of_criteria_met(checks, place, commitment, measure, reference)
            of_set = [key for key in criteria if reference.set_of(key) == measure.criteria_set]
            _in_force(checks, place, commitment, of_set, reference)
        case Rate() as rate:
            if rate.formula_of is not None:
                checks.known((*here, "formula_of"), rate.formula_of, criteria, CRITERION)
            if rate.formula_of in (None, *criteria) and not (rate.numerator and rate.denominator):
                problem, remedy = phrase("consistency_plan.rate_of_nothing"), phrase("consistency_plan.name_its_counts")
                checks.fault((*here, "formula_of"), problem, remedy, rate.formula_of)
            checks.all_known((*here, "numerator"), rate.numerator, reference.elements, ELEMENT)
            checks.all_known((*here, "denominator"), rate.denominator, reference.elements, ELEMENT)
            _counted_in(checks, here, rate.element_codes, reference.kinds_counted(commitment), reference)
        case Total(elements=elements):
            checks.all_known((*here, "elements"), elements, reference.elements, ELEMENT)
            _counted_in(checks, here, elements, commitment.measure.counted_in or (), reference)
        case Done(element=code):
            checks.known((*here, "element"), code, reference.elements, ELEMENT)


def _cohort_meeting(checks: Checks, place: Place, name: str, group: str | None, reference: Reference) -> None:
    """Check that the cohort has criteria for its communes to meet, and the part of it that is counted."""
    cohorts = {cohort.id: cohort for cohort in reference.plan.cohorts}
    if not checks.known((*place, "cohort"), name, cohorts, COHORT):
        return
    if not cohorts[name].criteria:
        remedy = phrase("consistency_plan.name_criteria_or_average")
        checks.fault((*place, "cohort"), phrase("consistency_plan.members_meet_nothing"), remedy, name)
    if group is not None:
        checks.known((*place, "group"), group, cohorts[name].of_which, GROUP)
        checks.known((*place, "group"), group, reference.groups, GROUP)


def _one_formula(checks: Checks, place: Place) -> None:
    """Check that a rate that is calculated as a criterion names no elements of its own in the file."""
    lines = checks.located.lines
    own = [name for name in Ratio.model_fields if (*place, name) in lines]
    if own and (*place, "formula_of") in lines:
        problem, remedy = phrase("consistency_plan.two_formulas"), phrase("consistency_plan.keep_one_formula")
        checks.fault((*place, own[0]), problem, remedy, own[0])


def _counted_in(
    checks: Checks, place: Place, elements: Iterable[str], kinds: Iterable[UnitKind], reference: Reference
) -> None:
    """Check that the kinds are of the communes' level, and that the elements are counted in units of these kinds."""
    codes = [code for code in elements if code in reference.elements]
    for kind in kinds:
        if kind not in COMMUNE_LEVEL:
            names = ", ".join(COMMUNE_LEVEL)
            remedy = filled(phrase("consistency_plan.kinds_of_communes_level"), kinds=names)
            checks.fault((*place, "counted_in"), phrase("consistency_plan.kind_is_counted_always"), remedy, kind)
        elif without := [code for code in codes if kind not in reference.elements[code].counted_in]:
            checks.fault(
                (*place, "counted_in"),
                filled(phrase("consistency_plan.element_not_counted_there"), element=without[0], kind=UNIT_KINDS[kind]),
                phrase("consistency_plan.see_counted_in"),
                kind,
            )


def _unit(checks: Checks, place: Place, code: str, reference: Reference) -> None:
    if reference.units.find(code, reference.plan.first_day) is None:
        checks.fault(
            place,
            phrase("consistency_plan.no_unit_has_this_code"),
            phrase("consistency_plan.see_codes_in_units"),
            code,
        )


def _commune(checks: Checks, place: Place, code: str, plan: Plan, units: Units) -> None:
    unit = units.find(code, plan.first_day)
    if unit is None or unit.kind not in plan.counted_kinds:
        checks.fault(
            place,
            phrase("consistency_plan.no_counting_commune"),
            phrase("consistency_plan.see_codes_in_units"),
            code,
        )


def _parts(checks: Checks, place: Place, cohort: Cohort, reference: Reference) -> None:
    """Check that a cohort's parts are of groups that exist, and not more than the cohort."""
    for name, count in cohort.of_which.items():
        if reference.groups:  # directories of earlier versions have none
            checks.known((*place, name), name, reference.groups, GROUP)
        if not 0 < count <= cohort.size:
            problem = filled(phrase("consistency_plan.cohort_has_only"), size=cohort.size)
            checks.fault((*place, name), problem, phrase("consistency_plan.correct_count_of_part"), count)


def _members(checks: Checks, place: Place, members: list[str], size: int) -> None:
    for code in dict.fromkeys(code for code in members if members.count(code) > 1):
        checks.fault(
            place,
            phrase("consistency_plan.commune_in_cohort_already"),
            phrase("consistency_plan.remove_one"),
            code,
        )
    if len(members) > size:
        checks.fault(
            place,
            filled(phrase("consistency_plan.cohort_has_only"), size=size),
            phrase("consistency_plan.remove_members_or_correct"),
            len(members),
        )
