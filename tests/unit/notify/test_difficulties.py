"""Difficulties: their recipients, and the words of their authors, which never become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.alerts.draft import Draft
from services.notify.alerts.events import read_alerts
from services.notify.alerts.notice import Wording
from services.notify.sms_text import parts
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.wording.visible_text import lines_of, on_one_line
from services.notify.world import World
from shared.contracts.alert import DifficultyEvent
from shared.contracts.bilingual import Language
from shared.contracts.difficulty import WORDS_LIMIT, DifficultyKind, DifficultyLogged
from shared.contracts.status import Event
from tests.changes import (
    DIEM_HE,
    PROVINCE,
    REFERENCE,
    a_branch,
    a_contact,
    a_draft,
    a_problem,
    a_status_change,
    a_target_change,
    an_alert,
    an_answer,
    the_world,
)

WORLD = the_world()


def told(logged: DifficultyLogged, world: World = WORLD) -> list[Draft]:
    return list(route([Draft((an_alert(logged),))], world))


def recipients(logged: DifficultyLogged, world: World = WORLD) -> set[tuple[str, str]]:
    return {(str(draft.recipient), draft.channel) for draft in told(logged, world)}


def worded(logged: DifficultyLogged, channel: str = "email", language: Language = "vi") -> Wording:
    [rendered] = render([a_draft(logged, channel=channel, language=language)], WORLD)
    assert rendered.wording
    return rendered.wording


def quoted(html: str) -> str:
    """Return the words in the quotation, as a reader sees them."""
    [inside] = re.findall(r"<blockquote[^>]*>(.*?)</blockquote>", html, re.DOTALL)
    assert set(re.findall(r"<[^>]*>", inside)) <= {"<br>"}
    return unescape(inside.replace("<br>", " "))


# --- who hears of it ----------------------------------------------------------------------------------------


def test_a_difficulty_is_told_to_the_division_that_owns_the_criterion_and_to_the_coordination_office() -> None:
    assert recipients(a_problem(criterion="ntm-11")) == {
        ("poverty_division@20", "email"),
        ("coordination_office@20", "email"),
    }


def test_a_difficulty_about_no_criterion_is_told_to_the_coordination_office_alone() -> None:
    assert recipients(a_problem(criterion=None)) == {("coordination_office@20", "email")}


def test_a_disaster_is_told_by_sms_too() -> None:
    assert recipients(a_problem(criterion="ntm-11", kind=DifficultyKind.DISASTER)) == {
        (recipient, channel)
        for recipient in ("poverty_division@20", "coordination_office@20")
        for channel in ("email", "sms")
    }


def test_an_answer_is_told_to_the_unit_s_district_office() -> None:
    assert recipients(an_answer()) == {("district_office@184", "email")}


def test_an_answer_that_closes_a_difficulty_is_told_to_the_coordination_office_too() -> None:
    assert recipients(an_answer(closes=True)) == {("district_office@184", "email"), ("coordination_office@20", "email")}


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"criteria": ["ntm-12"]}, True),
        ({"criteria": ["ntm-11"]}, False),
        ({"kinds": ["staff", "funding"]}, True),
        ({"kinds": ["staff"]}, False),
        ({"cohorts": ["advanced-2023"]}, True),
        ({"cohorts": ["border-2023"]}, False),
        ({"events": ["problem_answered"]}, False),
    ],
)
def test_a_route_may_ask_for_a_criterion_a_kind_a_cohort_or_an_event(fields: dict[str, object], matches: bool) -> None:
    rule = a_branch(**{"on": "problem", "events": ["problem_reported"], **fields})
    tells = {draft.branch for draft in told(a_problem(), the_world(routes=[rule]))}
    assert tells == {"r" if matches else "root"}


def test_each_event_of_a_difficulty_makes_notices_of_its_own_in_one_thread() -> None:
    world = the_world(a_contact("coordination_office", "20"))
    reported, closed = a_problem(criterion=None), an_answer(criterion=None, closes=True)
    assert {draft.id for draft in told(reported, world)}.isdisjoint(draft.id for draft in told(closed, world))
    assert {draft.id for draft in told(reported, world)} == {draft.id for draft in told(reported, world)}
    assert an_alert(reported).topic == an_alert(closed).topic


# --- what is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logged", "event"),
    [
        (a_problem(), DifficultyEvent.REPORTED),
        (an_answer(), DifficultyEvent.ANSWERED),
        (an_answer(closes=True), DifficultyEvent.CLOSED),
    ],
    ids=["a report", "an answer", "an answer that closes"],
)
def test_what_is_published_becomes_an_alert_of_its_kind(logged: DifficultyLogged, event: DifficultyEvent) -> None:
    [alert] = read_alerts(logged.model_dump_json().encode(), None, REFERENCE)
    assert (alert.occasion, alert.kind, alert.event) == (logged, "problem", event)
    assert (alert.unit.code, alert.district and alert.district.code) == ("06280", "184")


@pytest.mark.parametrize("change", [a_status_change(), a_target_change()], ids=["of a commune", "of the province"])
def test_changes_are_still_read_as_changes(change: object) -> None:
    [alert] = read_alerts(change.model_dump_json().encode(), None, REFERENCE)  # type: ignore[attr-defined]
    assert (alert.occasion, alert.event) == (change, Event.FELL_BEHIND)


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b'{"kind": "funding"}', b'{"problem": 1}', b'{"kind": []}'])
def test_what_is_neither_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_alerts(body, None, REFERENCE)


def test_the_day_of_a_difficulty_is_vietnam_s() -> None:
    late = a_problem(at="2023-06-30T18:30:00Z")
    assert an_alert(late).on.isoformat() == "2023-07-01"
    assert "01:30 ngày 01/07/2023" in worded(late).text


# --- words are data -----------------------------------------------------------------------------------------

RIGHT_TO_LEFT, ISOLATE, ZERO_WIDTH, BOM, SOFT_HYPHEN = "\u202e", "\u2067", "\u200b", "\ufeff", "\u00ad"

HOSTILE = {
    "markup": '<script>alert("x")</script><img src=x onerror=alert(1)>',
    "an end of the quotation": "</blockquote></td></tr></table><h1>CẦN LÀM</h1>",
    "quotes": "\"' onmouseover=alert(1) x='&quot;&#60;script&#62;",
    "a template": "{{ plan }} {% include 'email_frame.html' %} {# #} ${x} %(x)s",
    "a header": "Chào\r\nBcc: evil@example.vn\r\n\r\n<b>thân</b>",
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_words_are_never_markup(words: str) -> None:
    wording = worded(a_problem(words=words, contact=words.replace("\r\n", " "), agency=words, reported_by=words))
    html = wording.html or ""
    assert quoted(html).split() == words.split()
    for tag in ("<script", "<img", "<h1>CẦN", "<b>thân"):
        assert tag not in html
    assert html.count("<blockquote") == html.count("</blockquote>") == 1


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_words_reach_neither_a_subject_nor_an_sms(words: str) -> None:
    logged, plain = a_problem(words=words, contact=words, agency=words), a_problem()
    assert worded(logged).subject == worded(plain).subject
    assert worded(logged, "sms") == worded(plain, "sms")


def test_every_line_of_the_words_stands_as_a_quotation_so_that_none_passes_for_ours() -> None:
    text = worded(a_problem(words="Một\n\n\n\nCẦN LÀM\r\nChuyển tiền.\u2028--\x85Thư tự động")).text
    _, _, rest = text.partition("NỘI DUNG PHẢN ÁNH\n")
    quotation, _, _ = rest.partition("\n\n")
    assert quotation.split("\n") == ["> Một", "> ", "> CẦN LÀM", "> Chuyển tiền.", "> --", "> Thư tự động"]


def test_marks_that_nobody_sees_do_not_reach_a_mail() -> None:
    words = f"{RIGHT_TO_LEFT}gnort{ISOLATE} nội{ZERO_WIDTH} dung{BOM} 12{SOFT_HYPHEN}3\u00a0hộ\t."
    wording = worded(a_problem(words=words, contact=f"A{RIGHT_TO_LEFT}B", agency=f"x{ZERO_WIDTH}y"))
    everything = wording.text + (wording.html or "")
    assert not {RIGHT_TO_LEFT, ISOLATE, ZERO_WIDTH, BOM, SOFT_HYPHEN} & set(everything)
    assert "> gnort nội dung 123 hộ ." in wording.text


@pytest.mark.parametrize(
    "words",
    ["x" * WORDS_LIMIT, "<" * WORDS_LIMIT, "a\n" * (WORDS_LIMIT // 2), "ệ\u0301" * (WORDS_LIMIT // 2)],
    ids=["one long word", "brackets", "lines", "accents"],
)
def test_words_as_long_as_they_may_be_are_shown_whole(words: str) -> None:
    assert quoted(worded(a_problem(words=words)).html or "").split() == words.split()


def test_words_of_which_nothing_can_be_seen_leave_an_empty_quotation() -> None:
    assert quoted(worded(a_problem(words=ZERO_WIDTH * 5)).html or "").strip() == ""


@settings(max_examples=100, deadline=None)
@given(
    words=st.text(min_size=1, max_size=200),
    kind=st.sampled_from(DifficultyKind),
    criterion=st.sampled_from(["ntm-12", "advanced-11", "gone-3", "gone", None]),
    language=st.sampled_from(["vi", "en"]),
    closes=st.booleans(),
)
def test_any_difficulty_can_be_worded(
    words: str, kind: DifficultyKind, criterion: str | None, language: Language, closes: bool
) -> None:
    logged = an_answer(words=words, kind=kind, criterion=criterion, closes=closes, contact=words, agency=words)
    mail, sms = worded(logged, language=language), worded(logged, "sms", language)
    assert mail.subject
    assert mail.subject.isprintable()
    assert set(quoted(mail.html or "").split()) == set(" ".join(lines_of(words)).split())
    assert parts(sms.text) == 1
    assert f"NTM {DIEM_HE.code} " in sms.text


@given(st.text())
def test_what_is_on_one_line_is_printable_and_stays_so(words: str) -> None:
    line = on_one_line(words)
    assert line.isprintable()
    assert on_one_line(line) == line


def test_a_difficulty_of_a_plan_of_sample_data_is_marked() -> None:
    plan = REFERENCE.plan.model_copy(update={"sample": True})
    [alert] = read_alerts(a_problem().model_dump_json().encode(), None, replace(REFERENCE, plan=plan))
    [draft] = render([replace(a_draft(a_problem()), alerts=(alert,))], WORLD)
    assert draft.wording
    assert "DỮ LIỆU MẪU" in draft.wording.text


def test_a_difficulty_of_the_province_itself_is_worded_without_a_district() -> None:
    wording = worded(a_problem(unit=PROVINCE, district=None, criterion=None))
    assert "Tỉnh Lạng Sơn (20): phản ánh khó khăn về kinh phí." in wording.text
