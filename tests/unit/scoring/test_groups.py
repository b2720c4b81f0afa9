"""Groups of communes by decisions: a membership has days, and a recognition ends it for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from deploy.local.sample import sample_reference
from services.scoring.judging.groups import groups_of
from services.scoring.judging.readings import Reading
from services.scoring.judging.recognition import recognitions
from shared.contracts.recognition import GroupMembership
from shared.contracts.status import Stage
from shared.reference.load import InvalidReferenceError, load, with_sample
from shared.reference.models import SampleCohorts, Unit, UnitList
from shared.reference.reference import Reference
from tests.builders import a_reading, readings

REFERENCE = sample_reference()
GROUP = "extremely_difficult"
MIDYEAR, END = date(2023, 6, 30), date(2023, 12, 31)
MEMBER, OTHER = "06088", "06061"


def unit_of(code: str, reference: Reference = REFERENCE) -> Unit:
    unit = reference.units.find(code, MIDYEAR)
    assert unit
    return unit


def a_decision(day: str, recognised: bool) -> Reading:
    return a_reading("ntm_recognised", day, int(recognised), stage=Stage.CONFIRMED)


def membership(*decisions: Reading, on: date = END, code: str = MEMBER) -> GroupMembership | None:
    by_set = recognitions(REFERENCE.plan_sets, readings(*decisions), {}, on)
    found = groups_of(unit_of(code), REFERENCE, by_set, on)
    return found[0] if found else None


def test_a_commune_is_of_the_group_in_the_time_of_the_decision_that_names_it() -> None:
    of_group = membership()
    assert of_group
    assert (of_group.group, of_group.since, of_group.until) == (GROUP, date(2021, 6, 4), date(2025, 12, 31))
    assert (of_group.recognised, of_group.verified) == (None, False)
    assert membership(on=date(2021, 6, 3)) is None
    assert membership(on=date(2026, 1, 1)) is None
    assert membership(code=OTHER) is None


def test_a_recognition_ends_the_membership_from_its_day_on() -> None:
    decision = a_decision("2023-11-20", True)
    before, after = membership(decision, on=date(2023, 11, 19)), membership(decision, on=date(2023, 11, 20))
    assert before
    assert after
    assert (before.recognised, after.recognised) == (None, date(2023, 11, 20))


def test_a_recognition_that_is_withdrawn_does_not_bring_the_membership_back() -> None:
    of_group = membership(a_decision("2022-11-20", True), a_decision("2023-05-02", False))
    assert of_group
    assert of_group.recognised == date(2022, 11, 20)


def test_a_decision_that_names_a_commune_recognised_before_stands_until_the_next_recognition() -> None:
    former = a_decision("2019-11-20", True)
    of_group = membership(former)
    assert of_group
    assert of_group.recognised is None
    again = membership(former, a_decision("2020-11-20", False), a_decision("2023-03-01", True))
    assert again
    assert again.recognised == date(2023, 3, 1)


def test_whoever_was_of_the_group_when_the_plan_began_counts_whatever_is_recognised_or_decided_later() -> None:
    (commitment,) = (each for each in REFERENCE.plan.commitments if each.id == "ntm-communes-extremely-difficult")
    province = unit_of("20")
    counted = {unit.code for unit in REFERENCE.units if REFERENCE.contributes(unit, commitment, province)}
    assert counted == {"06088", "06388", "06532", "06619"}
    assert REFERENCE.communes_expected(commitment, province, END) == 4
    group = REFERENCE.groups[GROUP]
    ends_early = group.lists[0].model_copy(update={"valid_to": date(2023, 6, 30)})
    new = UnitList(valid_from=date(2023, 7, 1), units=[OTHER], verified=False, source="sample")
    changed = replace(REFERENCE, groups={GROUP: group.model_copy(update={"lists": [ends_early, new]})})
    assert {unit.code for unit in changed.units if changed.contributes(unit, commitment, province)} == counted
    too_late = new.model_copy(update={"units": [MEMBER]})
    late = replace(REFERENCE, groups={GROUP: group.model_copy(update={"lists": [too_late]})})
    assert not late.members_of("ntm-2023", GROUP)


@pytest.mark.parametrize(
    ("groups", "field"),
    [
        ({"difficult": [MEMBER]}, "groups.difficult"),
        ({GROUP: ["99999"]}, f"groups.{GROUP}[0]"),
        ({GROUP: [MEMBER, MEMBER]}, f"groups.{GROUP}[1]"),
    ],
)
def test_invented_members_of_a_group_that_cannot_be_are_faults(groups: dict[str, list[str]], field: str) -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        with_sample(load(), SampleCohorts(members={}, groups=groups))
    (fault,) = raised.value.faults
    assert fault.field == field


def test_no_members_are_invented_where_the_decisions_list_is_known() -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        with_sample(REFERENCE, SampleCohorts(members={}, groups={GROUP: [OTHER]}))
    assert [fault.field for fault in raised.value.faults] == [f"groups.{GROUP}"]
