"""Whether the reference data agree with themselves: every name refers to something, none stands twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from shared.contracts.words import Bilingual
from shared.reference.catalogue import Catalogue, Reference
from shared.reference.faults import Fault
from shared.reference.located import Located, Place
from shared.reference.models import (
    COMMITMENT_OWNER,
    CRITERION_OWNER,
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    CriteriaSet,
    Done,
    ElementsFile,
    Plan,
    Rate,
    Report,
    SampleCohorts,
    Succession,
    Total,
    Unit,
    YesNo,
)
from shared.reference.units import Units

_CRITERION = Bilingual(vi="tiêu chí", en="criterion")
_ELEMENT = Bilingual(vi="chỉ số đếm", en="element")
_ROLE = Bilingual(vi="vai trò", en="role")
_UNIT = Bilingual(vi="đơn vị", en="unit")
_COHORT = Bilingual(vi="nhóm xã", en="cohort")


@dataclass
class _Checks:
    located: Located
    faults: list[Fault] = field(default_factory=list)

    def fault(self, place: Place, problem: Bilingual, remedy: Bilingual, found: object = None) -> None:
        self.faults.append(self.located.fault(place, problem, remedy, found))

    def known(self, place: Place, name: str, names: Collection[str], what: Bilingual) -> bool:
        """Whether the name is one of the names; a fault with the nearest ones where not."""
        if name in names:
            return True
        near = ", ".join(get_close_matches(name, names, n=3)) or ", ".join(sorted(names)[:8])
        self.fault(
            place,
            Bilingual(vi=f"không có {what.vi} này", en=f"there is no such {what.en}"),
            Bilingual(vi=f"Có phải là: {near}?", en=f"Is it one of: {near}?"),
            name,
        )
        return False

    def all_known(self, place: Place, names: Iterable[str], known: Collection[str], what: Bilingual) -> None:
        for position, name in enumerate(names):
            self.known((*place, position), name, known, what)

    def unique(self, place: Place, names: Iterable[object], key: str) -> None:
        """A fault for each name that stands before already."""
        seen: set[object] = set()
        for position, name in enumerate(names):
            if name in seen:
                self.fault(
                    (*place, position, key),
                    Bilingual(vi="đã có ở trên", en="stands above already"),
                    Bilingual(vi="Hãy đặt tên khác hoặc bỏ đi.", en="Name it otherwise, or remove it."),
                    name,
                )
            seen.add(name)


def of_units(located: Located, units: list[Unit]) -> list[Fault]:
    """Keys stand once, parents exist, and no code is two units' on one day."""
    checks = _Checks(located)
    checks.unique(("rows",), (unit.key for unit in units), "key")
    keys = {unit.key for unit in units}
    by_code: dict[str, Unit] = {}
    for position, unit in sorted(enumerate(units), key=lambda each: each[1].valid_from):
        if unit.parent is not None and unit.parent not in keys:
            checks.known(("rows", position, "parent"), str(unit.parent), {str(key) for key in keys}, _UNIT)
        before = by_code.get(unit.code)
        if before is not None and before.is_valid(unit.valid_from):
            checks.fault(
                ("rows", position, "code"),
                Bilingual(vi="mã đang thuộc đơn vị khác", en="the code is another unit's at that time"),
                Bilingual(vi=f"Hãy xem valid_to của đơn vị {before.key}.", en=f"See valid_to of unit {before.key}."),
                unit.code,
            )
        by_code[unit.code] = unit
    return checks.faults


def of_successions(located: Located, successions: list[Succession], units: list[Unit]) -> list[Fault]:
    """Both units exist."""
    checks = _Checks(located)
    keys = {str(unit.key) for unit in units}
    for position, one in enumerate(successions):
        checks.known(("rows", position, "old"), str(one.old), keys, _UNIT)
        checks.known(("rows", position, "new"), str(one.new), keys, _UNIT)
    return checks.faults


def of_elements(located: Located, file: ElementsFile, catalogue: Catalogue) -> list[Fault]:
    """Codes stand once, criteria exist, sum rules speak of elements."""
    checks = _Checks(located)
    checks.unique(("elements",), (element.code for element in file.elements), "code")
    for position, element in enumerate(file.elements):
        checks.all_known(("elements", position, "criteria"), element.criteria, catalogue.criterion_keys, _CRITERION)
    for position, rule in enumerate(file.sum_rules):
        checks.all_known(("sum_rules", position, "parts"), rule.parts, catalogue.elements, _ELEMENT)
        checks.known(("sum_rules", position, "whole"), rule.whole, catalogue.elements, _ELEMENT)
    return checks.faults


def of_set(located: Located, one: CriteriaSet, catalogue: Catalogue) -> list[Fault]:
    """Numbers stand once, and measures use elements of their kind."""
    checks = _Checks(located)
    checks.unique(("criteria",), (criterion.number for criterion in one.criteria), "number")
    for at, criterion in enumerate(one.criteria):
        place: Place = ("criteria", at, "indicators")
        checks.unique(place, (indicator.number for indicator in criterion.indicators), "number")
        for number, indicator in enumerate(criterion.indicators):
            for position, group in enumerate(indicator.groups):
                here = (*place, number, "groups", position, "measure")
                for code in group.measure.element_codes:
                    if not checks.known(here, code, catalogue.elements, _ELEMENT):
                        continue
                    if (catalogue.elements[code].type == "yes_no") != isinstance(group.measure, YesNo):
                        checks.fault(
                            here,
                            Bilingual(vi="kiểu của chỉ số không hợp", en="the element is of another type"),
                            Bilingual(
                                vi="Có/không dùng `element`; số đếm dùng tỷ lệ hoặc tổng.",
                                en="Yes/no takes `element`; counts take a ratio or an amount.",
                            ),
                            code,
                        )
    return checks.faults


def of_calendar(located: Located, reports: list[Report], catalogue: Catalogue) -> list[Fault]:
    """Names stand once, criteria exist."""
    checks = _Checks(located)
    checks.unique(("reports",), (report.id for report in reports), "id")
    for position, report in enumerate(reports):
        checks.all_known(("reports", position, "criteria"), report.criteria, catalogue.criterion_keys, _CRITERION)
    return checks.faults


def of_plan(located: Located, reference: Reference) -> list[Fault]:
    """Everything that the plan names exists: units, sets, criteria, elements, cohorts, roles, instruments."""
    checks, plan = _Checks(located), reference.plan
    roles = {holder.role for holder in plan.roles}
    cohorts = {cohort.id for cohort in plan.cohorts}
    checks.unique(("roles",), (holder.role for holder in plan.roles), "role")
    checks.unique(("cohorts",), (cohort.id for cohort in plan.cohorts), "id")
    checks.unique(("commitments",), (commitment.id for commitment in plan.commitments), "id")
    checks.unique(("routes",), (route.id for route in plan.routes), "id")
    checks.all_known(
        ("criteria_sets",), plan.criteria_sets, reference.sets, Bilingual(vi="bộ tiêu chí", en="criteria set")
    )
    criteria = {
        one.key(criterion)
        for one in reference.sets.values()
        if one.id in plan.criteria_sets
        for criterion in one.criteria
    }
    _unit(checks, ("unit",), plan.unit, reference)
    for at, holder in enumerate(plan.roles):
        checks.all_known(("roles", at, "owns"), holder.owns, criteria, _CRITERION)
    for at, recipient in enumerate(plan.distribution):
        checks.all_known(("distribution", at, "roles"), recipient.roles, roles, _ROLE)
    for at, cohort in enumerate(plan.cohorts):
        place: Place = ("cohorts", at)
        checks.all_known((*place, "criteria"), cohort.criteria, criteria, _CRITERION)
        for position, code in enumerate(cohort.members):
            _commune(checks, (*place, "members", position), code, plan, reference.units)
        _members(checks, (*place, "members"), cohort.members, cohort.size)
    for at, commitment in enumerate(plan.commitments):
        place = ("commitments", at)
        checks.all_known((*place, "responsible"), commitment.responsible, roles, _ROLE)
        for position, code in enumerate(commitment.units):
            _unit(checks, (*place, "units", position), code, reference)
        _measure(checks, place, commitment, criteria, cohorts, reference)
    for at, route in enumerate(plan.routes):
        place = ("routes", at)
        checks.all_known((*place, "to"), route.to, roles | {CRITERION_OWNER, COMMITMENT_OWNER}, _ROLE)
        checks.all_known((*place, "criteria"), route.criteria or (), criteria, _CRITERION)
        checks.all_known((*place, "cohorts"), route.cohorts or (), cohorts, _COHORT)
    for at, span in enumerate(plan.stated_spans):
        if span.instrument is not None:
            what = Bilingual(vi="văn bản", en="instrument")
            checks.known(("stated_spans", at, "instrument"), span.instrument, reference.instruments, what)
    for at, stated in enumerate(plan.stated_units):
        _unit(checks, ("stated_units", at, "code"), stated.code, reference)
    for at, count in enumerate(plan.stated_counts):
        checks.known(("stated_counts", at, "of"), count.of, cohorts, _COHORT)
    return checks.faults


def of_sample(located: Located, sample: SampleCohorts, plan: Plan, units: Units) -> list[Fault]:
    """Invented members are communes, new to their cohort, and no more than the plan leaves unnamed."""
    checks = _Checks(located)
    cohorts = {cohort.id: cohort for cohort in plan.cohorts}
    for name, codes in sample.members.items():
        place: Place = ("members", name)
        if not checks.known(place, name, cohorts, _COHORT):
            continue
        for position, code in enumerate(codes):
            _commune(checks, (*place, position), code, plan, units)
        _members(checks, place, [*cohorts[name].members, *codes], cohorts[name].size)
    return checks.faults


def _measure(
    checks: _Checks,
    place: Place,
    commitment: Commitment,
    criteria: Collection[str],
    cohorts: Collection[str],
    reference: Reference,
) -> None:
    if commitment.criterion is not None:
        checks.known((*place, "criterion"), commitment.criterion, criteria, _CRITERION)
    here = (*place, "measure")
    match commitment.measure:
        case CommunesMeeting(criterion=key):
            checks.known((*here, "criterion"), key, criteria, _CRITERION)
        case CohortMeeting(cohort=name):
            checks.known((*here, "cohort"), name, cohorts, _COHORT)
        case Rate() as rate:
            checks.all_known((*here, "numerator"), rate.numerator, reference.elements, _ELEMENT)
            checks.all_known((*here, "denominator"), rate.denominator, reference.elements, _ELEMENT)
        case Total(elements=elements):
            checks.all_known((*here, "elements"), elements, reference.elements, _ELEMENT)
        case Done(element=code):
            checks.known((*here, "element"), code, reference.elements, _ELEMENT)


def _unit(checks: _Checks, place: Place, code: str, reference: Reference) -> None:
    if reference.units.find(code, reference.plan.deadline) is None:
        checks.fault(
            place,
            Bilingual(
                vi="không có đơn vị mang mã này trong năm kế hoạch",
                en="no unit has this code in the plan's year",
            ),
            Bilingual(vi="Hãy xem mã trong units.csv.", en="See the codes in units.csv."),
            code,
        )


def _commune(checks: _Checks, place: Place, code: str, plan: Plan, units: Units) -> None:
    unit = units.find(code, plan.deadline)
    if unit is None or unit.kind not in plan.counted_kinds:
        checks.fault(
            place,
            Bilingual(vi="không phải mã xã được tính", en="not the code of a commune that counts"),
            Bilingual(vi="Hãy xem mã trong units.csv.", en="See the codes in units.csv."),
            code,
        )


def _members(checks: _Checks, place: Place, members: list[str], size: int) -> None:
    for code in dict.fromkeys(code for code in members if members.count(code) > 1):
        checks.fault(
            place,
            Bilingual(vi="xã đã có trong nhóm", en="the commune is in the cohort already"),
            Bilingual(vi="Hãy bỏ bớt.", en="Remove one."),
            code,
        )
    if len(members) > size:
        checks.fault(
            place,
            Bilingual(vi=f"nhóm chỉ có {size} xã", en=f"the cohort has only {size} communes"),
            Bilingual(vi="Hãy bớt xã hoặc sửa `size`.", en="Remove members, or correct `size`."),
            len(members),
        )
