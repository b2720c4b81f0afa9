"""Checks of groups of communes, and of their invented members."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from shared.reference.consistency.checks import GROUP, SET, UNIT, Checks, term
from shared.reference.definitions import Definitions
from shared.reference.faults import FileFault
from shared.reference.located import Located, Place
from shared.reference.models import COMMUNE_LEVEL, SampleCohorts, UnitGroup
from shared.texts import filled, phrase


def of_groups(located: Located, groups: list[UnitGroup], definitions: Definitions) -> list[FileFault]:
    """Check that groups stand once, end with a set that exists, and that their lists follow each other."""
    checks = Checks(located)
    checks.unique(("groups",), (group.id for group in groups), "id")
    for at, group in enumerate(groups):
        place: Place = ("groups", at)
        if group.ends_with is not None:
            checks.known((*place, "ends_with"), group.ends_with, definitions.sets, SET)
        for position, of_decision in enumerate(group.lists):
            here = (*place, "lists", position)
            term(checks, here, of_decision)
            _units(checks, (*here, "units"), of_decision.units, of_decision.valid_from, definitions)
        _in_order(checks, (*place, "lists"), group)
    return checks.faults


def of_sample_groups(located: Located, sample: SampleCohorts, definitions: Definitions) -> list[FileFault]:
    """Check that invented members are communes, and of groups that exist and whose own members are not known."""
    checks = Checks(located)
    for name, codes in sample.groups.items():
        place: Place = ("groups", name)
        if not checks.known(place, name, definitions.groups, GROUP):
            continue
        lists = definitions.groups[name].lists
        if any(of_decision.units for of_decision in lists):
            checks.fault(place, phrase("consistency_groups.members_are_known"), phrase("consistency_groups.leave_out"))
        _units(checks, place, codes, lists[0].valid_from, definitions)
    return checks.faults


def _units(checks: Checks, place: Place, codes: list[str], since: date | None, definitions: Definitions) -> None:
    seen = set[str]()
    for position, code in enumerate(codes):
        unit = definitions.units.listed(code, since)
        if unit is None or unit.kind not in COMMUNE_LEVEL:
            problem = filled(phrase("consistency_criteria.code_of_no_unit"), unit=UNIT)
            checks.fault((*place, position), problem, phrase("consistency_criteria.see_codes_in_units"), code)
        elif code in seen:
            remedy = phrase("consistency_checks.name_otherwise_or_remove")
            checks.fault((*place, position), phrase("consistency_checks.stands_above_already"), remedy, code)
        seen.add(code)


def _in_order(checks: Checks, place: Place, group: UnitGroup) -> None:
    for at, (former, latter) in enumerate(pairwise(group.lists), 1):
        if former.valid_to is None or latter.valid_from is None or latter.valid_from <= former.valid_to:
            problem = phrase("consistency_groups.lists_overlap")
            checks.fault(
                (*place, at, "valid_from"), problem, phrase("consistency_groups.begin_later"), latter.valid_from
            )
