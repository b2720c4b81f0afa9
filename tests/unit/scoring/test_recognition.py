"""Recognition: a decision that stays until another one withdraws it, beside what the criteria are now."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.scoring.judging.readings import Reading
from services.scoring.judging.recognition import recognitions
from shared.contracts.recognition import Recognition, RecognitionState
from shared.contracts.status import Stage, Status
from shared.reference.load import load
from tests.builders import a_reading, readings

REFERENCE = load()
MIDYEAR = date(2023, 6, 30)
HELD = {f"ntm-{number}": Status.MET for number in range(1, 20)}


def a_decision(day: str, recognised: bool, element: str = "ntm_recognised", **changes: object) -> Reading:
    return a_reading(element, day, int(recognised), **{"stage": Stage.CONFIRMED, **changes})


def recognised(
    *decisions: Reading, fails: tuple[int, ...] = (), unknown: tuple[int, ...] = (), on: date = MIDYEAR
) -> Recognition:
    """By the set `ntm`, where all criteria hold but these."""
    statuses = {
        **HELD,
        **{f"ntm-{number}": Status.NOT_MET for number in fails},
        **{f"ntm-{number}": Status.NO_DATA for number in unknown},
    }
    ntm, _ = recognitions(REFERENCE.plan_sets, readings(*decisions), statuses, on)
    return ntm


def test_a_commune_of_which_nothing_was_decided_is_not_recognised_even_when_all_criteria_hold() -> None:
    found = recognised()
    assert (found.state, found.since, found.submission) == (RecognitionState.NONE, None, None)
    assert (found.failing, found.withdrawal_due) == ([], None)
    assert found.reason.en == "Not recognised."


def test_a_decision_recognises_from_its_day_on() -> None:
    decision = a_decision("2021-03-15", True, submission=UUID(int=7))
    found = recognised(decision)
    assert (found.state, found.since, found.submission) == ("recognised", date(2021, 3, 15), UUID(int=7))
    assert recognised(decision, on=date(2021, 3, 14)).state == RecognitionState.NONE


def test_a_decision_counts_once_it_is_known() -> None:
    late = a_decision("2023-03-15", True, known_from=date(2023, 5, 2))
    assert recognised(late, on=date(2023, 5, 1)).state == RecognitionState.NONE
    assert recognised(late, on=date(2023, 5, 2)).since == date(2023, 3, 15)


@pytest.mark.parametrize("stage", [Stage.REPORTED, Stage.VERIFIED])
def test_what_is_not_confirmed_decides_nothing(stage: Stage) -> None:
    assert recognised(a_decision("2021-03-15", True, stage=stage)).state == RecognitionState.NONE


def test_a_recognised_commune_stays_so_whatever_its_criteria_do() -> None:
    found = recognised(a_decision("2021-03-15", True), fails=tuple(range(1, 20)))
    assert (found.state, len(found.failing), found.withdrawal_due) == ("recognised", 19, True)


def test_another_decision_withdraws_and_a_third_recognises_again() -> None:
    first, second = a_decision("2019-11-20", True), a_decision("2022-08-01", False, submission=UUID(int=2))
    withdrawn = recognised(second, first)
    assert (withdrawn.state, withdrawn.since, withdrawn.submission) == ("withdrawn", date(2022, 8, 1), UUID(int=2))
    assert withdrawn.withdrawal_due is None
    assert withdrawn.reason.vi == "Bị thu hồi quyết định công nhận từ 01/08/2022."
    again = recognised(first, second, a_decision("2023-04-04", True))
    assert (again.state, again.since) == ("recognised", date(2023, 4, 4))


def test_a_decision_that_says_what_is_so_already_changes_nothing() -> None:
    twice = recognised(a_decision("2019-11-20", True), a_decision("2022-08-01", True))
    assert twice.since == date(2019, 11, 20)
    assert recognised(a_decision("2022-08-01", False)).state == RecognitionState.NONE


@pytest.mark.parametrize(
    ("fails", "due"),
    [
        ((1, 2, 3, 4, 5), False),  # 26 %
        ((1, 2, 3, 4, 10), False),  # 26 %, income among them
        ((1, 2, 3, 4, 5, 6), False),  # 32 %, none of them a key one
        ((1, 2, 3, 4, 5, 10), True),  # 32 %, income among them
        ((1, 2, 3, 4, 5, 17), True),
        ((1, 2, 3, 4, 5, 19), True),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9), False),  # 47 %
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 11), True),  # 53 %
    ],
)
def test_the_withdrawal_is_due_from_half_of_the_criteria_on_or_from_thirty_percent_with_a_key_one(
    fails: tuple[int, ...], due: bool
) -> None:
    assert recognised(a_decision("2021-03-15", True), fails=fails).withdrawal_due is due


@pytest.mark.parametrize(
    ("fails", "unknown", "due"),
    [
        ((1, 2), (3, 4, 5), False),  # 26 % at worst
        ((1, 2, 3), (4, 5, 10), None),  # 32 % with income at worst
        ((1, 2, 3), (4, 5, 6), False),  # 32 % at worst, without a key one
        ((1, 2, 3, 4, 5, 10), (6,), True),  # whatever the unknown one is
        ((), tuple(range(1, 20)), None),
    ],
)
def test_what_the_missing_figures_could_turn_is_not_told(
    fails: tuple[int, ...], unknown: tuple[int, ...], due: bool | None
) -> None:
    found = recognised(a_decision("2021-03-15", True), fails=fails, unknown=unknown)
    assert found.withdrawal_due is due
    assert len(found.unknown) == len(unknown)


def test_where_the_key_criteria_are_not_known_the_rule_is_told_only_where_they_do_not_matter() -> None:
    ntm, _ = REFERENCE.plan_sets
    assert ntm.recognition is not None
    assert ntm.recognition.withdrawal is not None
    withdrawal = ntm.recognition.withdrawal.model_copy(update={"key_criteria": None})
    bare = ntm.model_copy(update={"recognition": ntm.recognition.model_copy(update={"withdrawal": withdrawal})})
    decided = readings(a_decision("2021-03-15", True))
    for count, due in ((5, False), (6, None), (9, None), (10, True)):
        statuses = {**HELD, **{f"ntm-{number}": Status.BEHIND for number in range(1, count + 1)}}
        (found,) = recognitions([bare], decided, statuses, MIDYEAR)
        assert found.withdrawal_due is due


def test_by_a_set_that_is_not_carried_whole_no_withdrawal_is_told() -> None:
    decided = readings(a_decision("2021-03-15", True, element="advanced_recognised"))
    statuses = {"advanced-11": Status.NOT_MET, "advanced-12": Status.NOT_MET}
    ntm, advanced = recognitions(REFERENCE.plan_sets, decided, statuses, MIDYEAR)
    assert (ntm.state, advanced.state, advanced.withdrawal_due) == ("none", "recognised", None)


def test_the_reason_names_the_criteria_in_both_languages() -> None:
    found = recognised(a_decision("2021-03-15", True), fails=(10, 11), unknown=(3,))
    assert found.verified
    assert found.reason.vi == (
        "Được công nhận từ 15/03/2021. 2/19 tiêu chí hiện chưa đạt: 10 Thu nhập, 11 Nghèo đa chiều. "
        "Số tiêu chí chưa có số liệu: 1. Chưa đến mức phải thu hồi."
    )
    assert found.reason.en == (
        "Recognised since 15 March 2021. 2 of 19 criteria do not hold now: 10 Income, 11 Multidimensional poverty. "
        "Criteria without figures: 1. The limit for withdrawal is not reached."
    )


def test_the_reason_marks_a_rule_that_is_not_verified() -> None:
    ntm = REFERENCE.plan_sets[0]
    assert ntm.recognition
    assert ntm.recognition.withdrawal
    doubtful = ntm.recognition.withdrawal.model_copy(update={"verified": False})
    marked = ntm.model_copy(update={"recognition": ntm.recognition.model_copy(update={"withdrawal": doubtful})})
    (found,) = recognitions([marked], readings(a_decision("2021-03-15", True)), HELD, MIDYEAR)
    assert not found.verified
    assert "(quy định chưa đối chiếu văn bản)" in found.reason.vi
    assert "(rule not verified)" in found.reason.en
