"""The procedure of a dossier: its order, its returns, whose turn it is, and who may take which step."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.rules.dossier import (
    ASSESSMENTS,
    PROCEDURE,
    RECOGNITION,
    Dossier,
    content_faults,
    day_faults,
    judged_faults,
    order_fault,
    settled_step,
)
from services.intake.rules.dossier_rights import RIGHTS, may_take, right_faults
from shared.access.caller import Caller
from shared.contracts.dossier import CriterionAnswer, DossierEntry, DossierLogged, DossierStep, Judged, JudgedAnswer
from shared.problems import Fault, Faults
from shared.reference.load import load
from shared.reference.refs import unit_ref
from shared.text import DOSSIER_STEPS

REFERENCE = load()
NTM, ADVANCED = REFERENCE.sets["ntm"], REFERENCE.sets["advanced"]
UNIT = REFERENCE.units.known("06280")[0]
ALL = tuple(NTM.key(criterion) for criterion in NTM.criteria)
NOW = datetime(2023, 6, 30, 3, tzinfo=UTC)
S = DossierStep


def yes(*criteria: str, **changes: Any) -> list[CriterionAnswer]:
    return [CriterionAnswer(criterion=criterion, yes=True, **changes) for criterion in criteria or ALL]


def no(*criteria: str) -> list[CriterionAnswer]:
    return [CriterionAnswer(criterion=criterion, yes=False, note="Chưa đạt.") for criterion in criteria]


def an_entry(step: DossierStep, answers: list[CriterionAnswer] | None = None, **changes: Any) -> DossierEntry:
    """Build an entry with everything that its step needs."""
    ordinary: dict[str, Any] = {}
    if step in ASSESSMENTS:
        ordinary["answers"] = yes() if answers is None else answers
    elif answers:
        ordinary["answers"] = answers
    if step in (S.DECIDED, S.WITHDRAWN):
        ordinary |= {"number": "2145/QĐ-UBND", "date": date(2023, 6, 28)}
    if step in (S.RETURNED, S.WITHDRAWAL_DUE):
        ordinary["reason"] = "Thiếu biên bản."
    return DossierEntry(step=step, **{**ordinary, **changes})


def taken(dossier: Dossier, entry: DossierEntry, minutes: int = 0) -> Dossier:
    """Take a step that is in turn."""
    assert order_fault(dossier, entry) is None
    assert list(content_faults(dossier, entry)) == []
    return dossier.after(an_event(dossier, entry, minutes))


def an_event(dossier: Dossier, entry: DossierEntry, minutes: int = 0) -> DossierLogged:
    step = settled_step(dossier, entry)
    is_returned = step is S.RETURNED
    return DossierLogged(
        id=UUID(int=minutes),
        step=step,
        at=NOW + timedelta(minutes=minutes),
        unit=unit_ref(UNIT),
        district=None,
        criteria_set="ntm",
        agency="office",
        completes=step not in ASSESSMENTS or dossier.is_whole_with(entry.answers),
        answers=[JudgedAnswer(**answer.model_dump()) for answer in entry.answers],
        returned_from=dossier.open_step if is_returned else None,
        returned_to=dossier.step_before if is_returned else None,
    )


def after(*steps: DossierStep | DossierEntry) -> Dossier:
    dossier = Dossier.of(NTM)
    for minutes, step in enumerate(steps):
        dossier = taken(dossier, an_entry(step) if isinstance(step, DossierStep) else step, minutes)
    return dossier


def fault_of(dossier: Dossier, entry: DossierEntry) -> Fault:
    fault = order_fault(dossier, entry)
    assert fault
    return fault


# --- the order ----------------------------------------------------------------------------------------------


def test_a_commune_is_recognised_by_all_steps_in_order_and_by_no_other_way() -> None:
    assert after(*RECOGNITION).is_recognised
    assert not after(*RECOGNITION[:-1]).is_recognised


@pytest.mark.parametrize("number", range(len(PROCEDURE)))
def test_a_step_out_of_turn_names_the_missing_step_or_who_took_it(number: int) -> None:
    dossier = after(*PROCEDURE[:number])
    for step in PROCEDURE:
        if step is dossier.open_step:
            continue
        fault = fault_of(dossier, an_entry(step))
        text = fault.text("vi")
        if fault.kind in (Faults.STEP_MISSING, Faults.STEP_MISSING_CRITERIA):
            assert DOSSIER_STEPS[dossier.open_step].vi in text
            assert PROCEDURE.index(step) > number
        else:
            assert fault.kind in (Faults.STEP_TAKEN, Faults.ALREADY_RECOGNISED)
            assert DOSSIER_STEPS[step].vi in text or fault.kind is Faults.ALREADY_RECOGNISED


def test_the_first_missing_step_of_a_new_dossier_is_the_self_assessment() -> None:
    fault = fault_of(Dossier.of(NTM), an_entry(S.DECIDED))
    assert fault.text("vi") == "Chưa thể làm bước quyết định công nhận: còn thiếu bước tự đánh giá."


def test_a_missing_sector_is_named_by_its_criteria() -> None:
    dossier = after(S.SELF_ASSESSED, S.VERIFIED, an_entry(S.APPRAISED, yes(*ALL[1:])))
    assert fault_of(dossier, an_entry(S.DECIDED)).details["criteria"].vi == "1"


def test_who_took_a_step_is_named_to_the_second_who_decides() -> None:
    fault = fault_of(after(*RECOGNITION[:4]), an_entry(S.DECIDED))
    assert (fault.kind, fault.details["agency"]) == (Faults.STEP_TAKEN, "office")
    assert "10:03 30/06/2023" in fault.text("vi")


def test_a_withdrawn_commune_may_begin_again() -> None:
    dossier = after(*PROCEDURE)
    assert dossier.turns == ()
    assert fault_of(dossier, an_entry(S.DECIDED)).kind is Faults.STEP_MISSING
    again = taken(dossier, an_entry(S.SELF_ASSESSED), 9)
    assert (again.done, again.open_step, again.answers.keys()) == (S.SELF_ASSESSED, S.VERIFIED, {S.SELF_ASSESSED})


def test_a_commune_that_was_recognised_before_dossiers_were_kept_can_only_lose_the_recognition() -> None:
    dossier = Dossier.of(NTM).recognised_before()
    assert fault_of(dossier, an_entry(S.SELF_ASSESSED)).kind is Faults.ALREADY_RECOGNISED
    assert order_fault(dossier, an_entry(S.WITHDRAWAL_DUE)) is None
    event = an_event(dossier, an_entry(S.WITHDRAWAL_DUE))
    assert Dossier.of(NTM, [event]).open_step is S.WITHDRAWN


# --- answers ------------------------------------------------------------------------------------------------


def test_an_assessment_is_whole_once_each_criterion_has_its_yes() -> None:
    partly = after(an_entry(S.SELF_ASSESSED, yes(*ALL[:5])))
    assert (partly.done, partly.unanswered) == (None, ALL[5:])
    assert taken(partly, an_entry(S.SELF_ASSESSED, yes(*ALL[5:])), 1).done is S.SELF_ASSESSED


def test_a_commune_that_says_no_of_itself_has_not_assessed_itself_and_may_say_yes_later() -> None:
    dossier = after(an_entry(S.SELF_ASSESSED, [*yes(*ALL[1:]), *no(ALL[0])]))
    assert (dossier.done, dossier.unanswered) == (None, (ALL[0],))
    assert taken(dossier, an_entry(S.SELF_ASSESSED, yes(ALL[0])), 1).done is S.SELF_ASSESSED


@pytest.mark.parametrize("step", [S.VERIFIED, S.APPRAISED])
def test_a_no_returns_the_dossier_to_the_step_before_which_is_asked_whole_again(step: DossierStep) -> None:
    before = RECOGNITION[: RECOGNITION.index(step)]
    dossier = after(*before, an_entry(step, [*yes(*ALL[1:]), *no(ALL[0])]))
    assert dossier.open_step is before[-1]
    assert dossier.unanswered == ALL
    assert step not in dossier.answers


def test_a_criterion_is_answered_once_in_a_step() -> None:
    dossier = after(S.SELF_ASSESSED, S.VERIFIED, an_entry(S.APPRAISED, yes("ntm-11")))
    assert fault_of(dossier, an_entry(S.APPRAISED, no("ntm-11"))).kind is Faults.CRITERION_ANSWERED


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        (an_entry(S.VERIFIED, []), [("/answers", Faults.MISSING)]),
        (an_entry(S.VERIFIED, yes("advanced-11")), [("/answers/0/criterion", Faults.UNKNOWN_CRITERION)]),
        (an_entry(S.VERIFIED, yes("ntm-1", "ntm-1")), [("/answers/1/criterion", Faults.CRITERION_ANSWERED)]),
        (
            an_entry(S.VERIFIED, [CriterionAnswer(criterion="ntm-1", yes=False)]),
            [("/answers/0/note", Faults.NO_NEEDS_NOTE)],
        ),
        (an_entry(S.DECIDED, number=None, date=None), [("/number", Faults.MISSING), ("/date", Faults.MISSING)]),
        (an_entry(S.RECOGNISED, number="1"), [("/number", Faults.NOT_OF_THE_STEP)]),
        (an_entry(S.DECIDED, answers=yes("ntm-1")), [("/answers", Faults.NOT_OF_THE_STEP)]),
        (an_entry(S.RETURNED, reason=None), [("/reason", Faults.MISSING)]),
    ],
)
def test_what_a_step_lacks_or_has_too_much_is_named_by_its_field(
    entry: DossierEntry, faults: list[tuple[str, Faults]]
) -> None:
    found = [*content_faults(Dossier.of(NTM), entry)]
    assert [(fault.pointer, fault.kind) for fault in found] == faults
    assert all(fault.text(language) for fault in found for language in ("vi", "en"))


def test_a_decision_is_not_of_tomorrow_nor_of_a_time_before_the_commune() -> None:
    assert list(day_faults(an_entry(S.DECIDED), UNIT, date(2023, 6, 28))) == []
    (fault,) = day_faults(an_entry(S.DECIDED), UNIT, date(2023, 6, 27))
    assert (fault.pointer, fault.kind) == ("/date", Faults.DAY_TO_COME)
    (fault,) = day_faults(an_entry(S.DECIDED, date=date(1923, 6, 27)), UNIT, date(2023, 6, 28))
    assert (fault.pointer, fault.kind) == ("/date", Faults.BEFORE_THE_UNIT)


def test_a_withdrawal_that_is_not_judged_due_needs_a_reason() -> None:
    entry = an_entry(S.WITHDRAWAL_DUE, reason=None)
    assert list(judged_faults(entry, {}, is_due=True)) == []
    assert [fault.pointer for fault in judged_faults(entry, {})] == ["/reason"]
    assert list(judged_faults(an_entry(S.WITHDRAWAL_DUE), {})) == []


def test_a_yes_beside_a_criterion_that_is_judged_not_met_needs_a_reason() -> None:
    judged = {"ntm-1": Judged.NOT_MET, "ntm-2": Judged.NO_DATA, "ntm-3": Judged.MET}
    entry = an_entry(S.VERIFIED, yes("ntm-1", "ntm-2", "ntm-3"))
    assert [fault.pointer for fault in judged_faults(entry, judged)] == ["/answers/0/note"]
    with_reason = an_entry(S.VERIFIED, [*yes("ntm-1", note="Đã khắc phục."), *no("ntm-2")])
    assert list(judged_faults(with_reason, judged)) == []


# --- returning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "open_step"),
    [
        (PROCEDURE[:1], S.SELF_ASSESSED),
        (PROCEDURE[:2], S.VERIFIED),
        (PROCEDURE[:3], S.APPRAISED),
        (PROCEDURE[:4], S.DECIDED),
        (PROCEDURE[:6], S.WITHDRAWAL_DUE),
    ],
)
def test_a_return_asks_the_step_before_again(steps: tuple[DossierStep, ...], open_step: DossierStep) -> None:
    dossier = after(*steps, S.RETURNED)
    assert dossier.open_step is open_step
    assert dossier.is_recognised == (open_step is S.WITHDRAWAL_DUE)


@pytest.mark.parametrize("steps", [(), PROCEDURE[:5], PROCEDURE])
def test_where_no_step_was_before_nothing_is_returned(steps: tuple[DossierStep, ...]) -> None:
    assert fault_of(after(*steps), an_entry(S.RETURNED)).kind is Faults.NOTHING_TO_RETURN


def test_a_return_that_somebody_else_has_made_meanwhile_is_not_made_twice() -> None:
    entry = an_entry(S.RETURNED, open_step=S.APPRAISED)
    dossier = after(S.SELF_ASSESSED, S.VERIFIED)
    assert order_fault(dossier, entry) is None
    assert fault_of(taken(dossier, entry, 5), entry).kind is Faults.OTHER_TURN


# --- turns --------------------------------------------------------------------------------------------------


def test_each_sector_has_its_turn_until_its_criteria_have_their_yes() -> None:
    dossier = after(S.SELF_ASSESSED, S.VERIFIED)
    turns = {turn.sector: turn.criteria for turn in dossier.turns}
    assert {key for keys in turns.values() for key in keys} == set(ALL)
    labour = turns["labour"]
    assert "ntm-11" in labour
    answered = taken(dossier, an_entry(S.APPRAISED, yes(*labour)), 5)
    assert {turn.sector for turn in answered.turns} == turns.keys() - {"labour"}
    assert {turn.since for turn in answered.turns} == {dossier.since}


def test_nobody_has_a_turn_before_the_first_step_and_while_a_commune_is_recognised() -> None:
    assert Dossier.of(NTM).turns == ()
    assert after(*RECOGNITION).turns == ()
    assert [turn.step for turn in after(*PROCEDURE[:6]).turns] == [S.WITHDRAWN]


# --- rights -------------------------------------------------------------------------------------------------

COMMUNE, DISTRICT, PROVINCE = (Caller("a", (code,), ("*",)) for code in ("06280", "184", "20"))
OTHER_DISTRICT, LABOUR = Caller("a", ("180",), ("*",)), Caller("a", ("20",), ("ntm-11", "ntm-12"))


@pytest.mark.parametrize("step", PROCEDURE)
def test_each_step_takes_its_own_right(step: DossierStep) -> None:
    dossier = after(*PROCEDURE[: PROCEDURE.index(step)])
    allowed = {
        "commune": [COMMUNE, DISTRICT, PROVINCE],
        "district": [DISTRICT, PROVINCE],
        "province": [PROVINCE],
    }[RIGHTS[step].level]
    for caller in (COMMUNE, DISTRICT, PROVINCE, OTHER_DISTRICT):
        may = caller in allowed
        entry = an_entry(step)
        assert may_take(step, dossier, UNIT, caller, REFERENCE) is may
        assert (not list(right_faults(entry, dossier, UNIT, caller, REFERENCE))) is may
        assert may_take(S.RETURNED, dossier, UNIT, caller, REFERENCE) is may


def test_a_sector_appraises_its_own_criteria_and_decides_nothing() -> None:
    dossier = after(S.SELF_ASSESSED, S.VERIFIED)
    assert not list(right_faults(an_entry(S.APPRAISED, yes("ntm-11")), dossier, UNIT, LABOUR, REFERENCE))
    (fault,) = right_faults(an_entry(S.APPRAISED, yes("ntm-11", "ntm-5")), dossier, UNIT, LABOUR, REFERENCE)
    assert (fault.pointer, fault.kind) == ("/answers/1/criterion", Faults.OUTSIDE_CRITERION)
    (fault,) = right_faults(an_entry(S.DECIDED), dossier, UNIT, LABOUR, REFERENCE)
    assert fault.kind is Faults.OUTSIDE_ALL_CRITERIA


# --- any sequence -------------------------------------------------------------------------------------------

ANSWERS = st.lists(st.tuples(st.sampled_from(ALL), st.booleans()), max_size=6, unique_by=lambda pair: pair[0])
ENTRIES = st.one_of(
    st.sampled_from(DossierStep).map(an_entry),
    st.builds(
        lambda step, pairs: an_entry(step, [a for key, said in pairs for a in (yes(key) if said else no(key))]),
        st.sampled_from(sorted(ASSESSMENTS)),
        ANSWERS,
    ),
)


@given(st.lists(ENTRIES, max_size=25))
def test_whatever_is_tried_no_commune_is_recognised_without_every_step_before(entries: list[DossierEntry]) -> None:
    dossier, events = Dossier.of(NTM), list[DossierLogged]()
    for minutes, entry in enumerate(entries):
        if order_fault(dossier, entry) or list(content_faults(dossier, entry)):
            continue
        events.append(an_event(dossier, entry, minutes))
        open_before, dossier = dossier.open_step, dossier.after(events[-1])
        if events[-1].step is S.RETURNED:
            expected = S.RECOGNISED if open_before is S.WITHDRAWN else PROCEDURE[PROCEDURE.index(open_before) - 1]
            reopened = dossier.open_step if expected is not S.RECOGNISED else dossier.done
            assert reopened is expected
        if dossier.is_recognised:
            for step in RECOGNITION:
                assert step in dossier.taken
            for step in ASSESSMENTS:
                assert all(dossier.answers[step][key].yes for key in ALL)
        assert len(dossier.turns) <= len(ALL)
    assert Dossier.of(NTM, events) == dossier
    assert Dossier.of(NTM, [DossierLogged.model_validate_json(event.model_dump_json()) for event in events]) == dossier


@given(st.lists(ENTRIES, max_size=15), ENTRIES)
def test_a_step_is_in_turn_or_says_why_not_in_both_languages(entries: list[DossierEntry], tried: DossierEntry) -> None:
    dossier = Dossier.of(NTM)
    for minutes, entry in enumerate(entries):
        if not order_fault(dossier, entry) and not list(content_faults(dossier, entry)):
            dossier = dossier.after(an_event(dossier, entry, minutes))
    if fault := order_fault(dossier, tried):
        assert fault.text("vi")
        assert fault.text("en")
    else:
        assert tried.step in (dossier.open_step, S.RETURNED)


def test_an_advanced_set_has_its_own_criteria() -> None:
    assert Dossier.of(ADVANCED).criteria == ("advanced-11", "advanced-12")
