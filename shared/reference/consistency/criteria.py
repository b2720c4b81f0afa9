"""Checks of a criteria set: its measures, its goals by year and communes, and its rule of recognition."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from shared.reference.consistency.checks import COMMUNE_GROUP, CRITERION, ELEMENT, UNIT, Checks
from shared.reference.definitions import Definitions
from shared.reference.faults import FileFault
from shared.reference.located import Located, Place
from shared.reference.models import CriteriaSet, Criterion, Goal, Indicator, Level, Ratio, RecognitionRule, YesNo
from shared.texts import filled, phrase


def of_set(located: Located, criteria_set: CriteriaSet, definitions: Definitions) -> list[FileFault]:
    """Check that numbers stand once, measures use elements of their kind, and no year has two goals for one commune."""
    checks = Checks(located)
    if criteria_set.replaces is not None:
        checks.known(("replaces",), criteria_set.replaces, definitions.sets, phrase("consistency_plan.criteria_set"))
    checks.unique(("criteria",), (criterion.number for criterion in criteria_set.criteria), "number")
    checks.unique(("commune_groups",), (group.id for group in criteria_set.commune_groups), "id")
    for at, group in enumerate(criteria_set.commune_groups):
        for position, code in enumerate(group.units):
            if not definitions.units.known(code):
                checks.fault(
                    ("commune_groups", at, "units", position),
                    filled(phrase("consistency_criteria.code_of_no_unit"), unit=UNIT),
                    phrase("consistency_criteria.see_codes_in_units"),
                    code,
                )
    for at, criterion in enumerate(criteria_set.criteria):
        _criterion(checks, ("criteria", at), criterion, criteria_set, definitions)
    if criteria_set.recognition is not None:
        _recognition(checks, criteria_set.recognition, criteria_set, definitions)
    return checks.faults


def _criterion(
    checks: Checks, here: Place, criterion: Criterion, criteria_set: CriteriaSet, definitions: Definitions
) -> None:
    checks.unique((*here, "indicators"), (indicator.number for indicator in criterion.indicators), "number")
    for position, indicator in enumerate(criterion.indicators):
        _measures(checks, (*here, "indicators", position), indicator, definitions)
        _goals(checks, (*here, "indicators", position), indicator, criteria_set)
    for position, level in enumerate(criterion.unjudged):
        _goals(checks, (*here, "unjudged", position), level, criteria_set)


def _measures(checks: Checks, here: Place, indicator: Indicator, definitions: Definitions) -> None:
    for position, group in enumerate(indicator.groups):
        place = (*here, "groups", position, "measure")
        for code in group.measure.element_codes:
            _element(checks, place, code, definitions, yes_no=isinstance(group.measure, YesNo))
    _variants(checks, here, indicator, definitions)


def _variants(checks: Checks, here: Place, indicator: Indicator, definitions: Definitions) -> None:
    """Check that formulas have names of their own, variants use known counts, and only a single ratio has variants."""
    ids = [formula.id for formula in (indicator.formula, *indicator.variants) if formula]
    checks.unique((*here, "variants"), ids, "id")
    if not indicator.variants:
        return
    if indicator.formula is None or len(indicator.groups) > 1 or not isinstance(indicator.groups[0].measure, Ratio):
        problem = phrase("consistency_criteria.variants_of_one_ratio")
        checks.fault(
            (*here, "variants"), problem, phrase("consistency_criteria.name_its_own_formula"), indicator.number
        )
    for position, variant in enumerate(indicator.variants):
        for name in ("numerator", "numerator_less", "denominator", "denominator_less"):
            for at, code in enumerate(getattr(variant.measure, name)):
                _element(checks, (*here, "variants", position, "measure", name, at), code, definitions, yes_no=False)


def _element(checks: Checks, place: Place, code: str, definitions: Definitions, *, yes_no: bool) -> None:
    if not checks.known(place, code, definitions.elements, ELEMENT):
        return
    if (definitions.elements[code].type == "yes_no") != yes_no:
        checks.fault(
            place,
            phrase("consistency_criteria.element_another_type"),
            phrase("consistency_criteria.yes_no_takes_element"),
            code,
        )


def _goals(checks: Checks, here: Place, level: Level, criteria_set: CriteriaSet) -> None:
    """Check that goals name known groups and years of the set, without overlaps and gaps."""
    groups = {group.id for group in criteria_set.commune_groups}
    span = f"{criteria_set.first_year}-{criteria_set.last_year or '…'}"
    for position, goal in enumerate(level.goals):
        place = (*here, "goals", position)
        if goal.communes is not None:
            checks.known((*place, "communes"), goal.communes, groups, COMMUNE_GROUP)
        for name, year in (("from_year", goal.from_year), ("to_year", goal.to_year)):
            if year is not None and not criteria_set.is_for(year):
                checks.fault(
                    (*place, name),
                    phrase("consistency_criteria.year_outside_the_sets_time"),
                    filled(phrase("consistency_criteria.set_is_for"), span=span),
                    year,
                )
        first, last = _years(goal, criteria_set)
        if last < first:
            checks.fault(
                (*place, "to_year"),
                phrase("consistency_criteria.last_year_comes_before"),
                phrase("consistency_criteria.exchange_the_two"),
                last,
            )
    everyone: list[str | None] = [*sorted(groups)] or [None]
    for group in everyone:
        _follow_on(checks, (*here, "goals"), level, group, criteria_set)


def _follow_on(checks: Checks, here: Place, level: Level, group: str | None, criteria_set: CriteriaSet) -> None:
    """Check that the goals of a group, together with the goals of all communes, follow each other year by year."""
    asked = [(*_years(goal, criteria_set), at) for at, goal in enumerate(level.goals) if goal.communes in (None, group)]
    for (_, ends, _), (begins, _, at) in pairwise(sorted(asked)):
        if begins <= ends:
            problem = phrase("consistency_criteria.two_goals_for_one_year")
            years = (begins, begins)
        elif begins > ends + 1:
            problem = phrase("consistency_criteria.years_without_goal")
            years = (ends + 1, begins - 1)
        else:
            continue
        remedy = phrase("consistency_criteria.correct_years_or_group")
        checks.fault((*here, at), problem, remedy, " ".join(filter(None, (group, _span(*years)))))


def _recognition(checks: Checks, rule: RecognitionRule, criteria_set: CriteriaSet, definitions: Definitions) -> None:
    here: Place = ("recognition",)
    _element(checks, (*here, "element"), rule.element, definitions, yes_no=True)
    if rule.after is not None:
        others = definitions.sets.keys() - {criteria_set.id}
        checks.known((*here, "after"), rule.after, others, phrase("consistency_routing.criteria_set"))
    key = rule.withdrawal and rule.withdrawal.key_criteria
    if key:
        numbers = [str(criterion.number) for criterion in criteria_set.criteria]
        place = (*here, "withdrawal", "key_criteria", "numbers")
        checks.all_known(place, map(str, key.numbers), numbers, CRITERION)


def _years(goal: Goal, criteria_set: CriteriaSet) -> tuple[int, int]:
    """Return the first and last year of a goal; a goal without years has the set's."""
    return goal.from_year or criteria_set.first_year, goal.to_year or criteria_set.last_year or date.max.year


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else f"{first}"
