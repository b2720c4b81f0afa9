"""What a plan names, and the invented members of its cohorts."""

from __future__ import annotations

from collections.abc import Collection

from shared.contracts.words import Bilingual
from shared.reference.catalogue import Reference
from shared.reference.consistency.checks import COHORT, CRITERION, ELEMENT, ROLE, Checks
from shared.reference.faults import Fault
from shared.reference.located import Located, Place
from shared.reference.models import (
    COMMITMENT_OWNER,
    CRITERION_OWNER,
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    Done,
    Plan,
    Rate,
    SampleCohorts,
    Total,
)
from shared.reference.units import Units


def of_plan(located: Located, reference: Reference) -> list[Fault]:
    """Everything that the plan names exists: units, sets, criteria, elements, cohorts, roles, instruments."""
    checks, plan = Checks(located), reference.plan
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
        checks.all_known(("roles", at, "owns"), holder.owns, criteria, CRITERION)
    for at, recipient in enumerate(plan.distribution):
        checks.all_known(("distribution", at, "roles"), recipient.roles, roles, ROLE)
    for at, cohort in enumerate(plan.cohorts):
        place: Place = ("cohorts", at)
        checks.all_known((*place, "criteria"), cohort.criteria, criteria, CRITERION)
        for position, code in enumerate(cohort.members):
            _commune(checks, (*place, "members", position), code, plan, reference.units)
        _members(checks, (*place, "members"), cohort.members, cohort.size)
    for at, commitment in enumerate(plan.commitments):
        place = ("commitments", at)
        checks.all_known((*place, "responsible"), commitment.responsible, roles, ROLE)
        for position, code in enumerate(commitment.units):
            _unit(checks, (*place, "units", position), code, reference)
        _measure(checks, place, commitment, criteria, cohorts, reference)
    for at, route in enumerate(plan.routes):
        place = ("routes", at)
        checks.all_known((*place, "to"), route.to, roles | {CRITERION_OWNER, COMMITMENT_OWNER}, ROLE)
        checks.all_known((*place, "criteria"), route.criteria or (), criteria, CRITERION)
        checks.all_known((*place, "cohorts"), route.cohorts or (), cohorts, COHORT)
    for at, span in enumerate(plan.stated_spans):
        if span.instrument is not None:
            what = Bilingual(vi="văn bản", en="instrument")
            checks.known(("stated_spans", at, "instrument"), span.instrument, reference.instruments, what)
    for at, stated in enumerate(plan.stated_units):
        _unit(checks, ("stated_units", at, "code"), stated.code, reference)
    for at, count in enumerate(plan.stated_counts):
        checks.known(("stated_counts", at, "of"), count.of, cohorts, COHORT)
    return checks.faults


def of_sample(located: Located, sample: SampleCohorts, plan: Plan, units: Units) -> list[Fault]:
    """Invented members are communes, new to their cohort, and no more than the plan leaves unnamed."""
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


def _measure(
    checks: Checks,
    place: Place,
    commitment: Commitment,
    criteria: Collection[str],
    cohorts: Collection[str],
    reference: Reference,
) -> None:
    if commitment.criterion is not None:
        checks.known((*place, "criterion"), commitment.criterion, criteria, CRITERION)
    here = (*place, "measure")
    match commitment.measure:
        case CommunesMeeting(criterion=key):
            checks.known((*here, "criterion"), key, criteria, CRITERION)
        case CohortMeeting(cohort=name):
            checks.known((*here, "cohort"), name, cohorts, COHORT)
        case Rate() as rate:
            checks.all_known((*here, "numerator"), rate.numerator, reference.elements, ELEMENT)
            checks.all_known((*here, "denominator"), rate.denominator, reference.elements, ELEMENT)
        case Total(elements=elements):
            checks.all_known((*here, "elements"), elements, reference.elements, ELEMENT)
        case Done(element=code):
            checks.known((*here, "element"), code, reference.elements, ELEMENT)


def _unit(checks: Checks, place: Place, code: str, reference: Reference) -> None:
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


def _commune(checks: Checks, place: Place, code: str, plan: Plan, units: Units) -> None:
    unit = units.find(code, plan.deadline)
    if unit is None or unit.kind not in plan.counted_kinds:
        checks.fault(
            place,
            Bilingual(vi="không phải mã xã được tính", en="not the code of a commune that counts"),
            Bilingual(vi="Hãy xem mã trong units.csv.", en="See the codes in units.csv."),
            code,
        )


def _members(checks: Checks, place: Place, members: list[str], size: int) -> None:
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
