"""The wording of notices. The golden files were read by eye; NTM_GOLDEN=write writes them anew."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.notify.alerts.alert import AlertedEvent, Occasion
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.draft import Draft, NotSent, Recipient
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.links import Links
from services.notify.alerts.notice import Wording
from services.notify.alerts.silence_given import SilenceEvent
from services.notify.inspect.how_notices_read import example, preview
from services.notify.sms_text import parts
from services.notify.stages.render import render
from services.notify.world import by_role
from shared.contracts.alert import DifficultyEvent, OperationEvent
from shared.contracts.assessment import FormulaChosen, Projection
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.status import Event
from shared.contracts.submission import SubmissionWarning
from shared.reference.models import Contact, Match
from tests.changes import (
    DIEM_HE,
    DISTRICT_OFFICE,
    LABOUR,
    REFERENCE,
    a_draft,
    a_part,
    a_problem,
    a_report_soon_due,
    a_status_change,
    a_target_change,
    an_alert,
    an_answer,
    changes_of_communes,
    the_world,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "notify"
PROVINCE_UNIT = next(iter(REFERENCE.units.known("20")))
WORLD = replace(the_world(), board_url="https://ntm.example.vn")


def worded(draft: Draft) -> Wording:
    [rendered] = render([draft], WORLD)
    assert rendered.wording
    return rendered.wording


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("NTM_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def as_text(occasion: Occasion, language: Language = "vi") -> str:
    mail = worded(a_draft(occasion, language=language))
    sms = worded(a_draft(occasion, channel="sms", language=language))
    return f"{mail.subject}\n\n{mail.text}\n\n{sms.text}\n"


@pytest.mark.parametrize("event", Event)
def test_each_event_of_a_commune_reads_well(event: Event) -> None:
    assert_golden(f"status_{event}.txt", as_text(a_status_change(event)))


@pytest.mark.parametrize("event", [Event.FELL_BEHIND, Event.MET, Event.MISSED, Event.OVERDUE])
def test_each_event_of_the_province_reads_well(event: Event) -> None:
    assert_golden(f"target_{event}.txt", as_text(a_target_change(event)))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_several_alerts_read_well_together(language: Language) -> None:
    changes = [*changes_of_communes(3), a_status_change(Event.MISSED, criterion=LABOUR), a_problem()]
    world = replace(WORLD, links=Links(SecretStr("of the tests"), "https://bao.example.vn"))
    draft = a_draft(changes[0], alerts=tuple(an_alert(change) for change in changes), gathering=UUID(int=1))
    contact = DISTRICT_OFFICE.model_copy(update={"language": language})
    written = []
    for channel in ("email", "sms"):
        # the ids of alerts are drawn anew each time, and the link follows from them
        [rendered] = render([replace(draft, channel=channel, contact=contact)], world)
        assert rendered.wording
        assert world.links
        wording = world.links.without(rendered.wording, rendered.id)
        written += [wording.subject or "", wording.text]
        if channel == "email" and language == "vi":
            assert_golden("several.html", wording.html or "")
    assert_golden(f"several.{language}.txt", "\n\n".join(written).strip() + "\n")


@pytest.mark.parametrize("event", [*Event, *DifficultyEvent, *DossierEvent, *FiguresEvent, *OperationEvent])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_each_event_has_words_for_every_channel(event: AlertedEvent, language: Language) -> None:
    alert = example(event, REFERENCE)
    mail = preview([alert], "email", language, REFERENCE)
    assert mail.subject
    assert mail.html
    assert parts(preview([alert], "sms", language, REFERENCE).text) == 1
    assert parts(preview([alert] * 40, "sms", language, REFERENCE).text) == 1
    assert json.loads(preview([alert], "webhook", language, REFERENCE).text)["type"] == f"ntm.{alert.kind}.{event}"
    climbed = preview([alert], "email", language, REFERENCE, step=1)
    if alert.kind == "dossier":
        assert {"vi": "Nhắc việc", "en": "A reminder"}[language] in climbed.text
        assert {"vi": "Nhắc việc", "en": "A reminder"}[language] in (climbed.html or "")
    elif alert.kind != "operation":
        assert {"vi": "Chuyển cấp", "en": "Passed on"}[language] in climbed.text
        assert {"vi": "Chuyển cấp", "en": "Passed on"}[language] in (climbed.html or "")


def test_english_reads_well() -> None:
    assert_golden("status_fell_behind.en.txt", as_text(a_status_change(), "en"))


def test_men_and_women_stand_apart_and_sample_data_is_marked() -> None:
    name = Bilingual(vi="Tỷ lệ lao động qua đào tạo", en="Workers trained")
    workers = Bilingual(vi="lao động", en="workers")
    parts = [
        a_part(indicator="12.1", name=name, group=group, value=value, goal=70, required=68.5, gap=gap, missing=missing,
               direction="at_least", missing_unit=workers, numerator=value * 10, denominator=1000)
        for group, value, gap, missing in (("men", 66.4, 2.1, 36), ("women", 61.2, 7.3, 88))
    ]  # fmt: skip
    reason = Bilingual(
        vi="Tỷ lệ lao động qua đào tạo (nữ): 61,2 %; mục tiêu ≥ 70 %.", en="Workers trained (women): 61.2 %."
    )
    change = a_status_change(parts=parts, criterion=LABOUR, sample=True, cohorts=["advanced-2023"], reason=reason)
    assert_golden("status_labour_sample.txt", as_text(change))
    assert_golden("status_labour_sample.html", worded(a_draft(change)).html or "")


PROBLEMS = {
    "reported": a_problem(),
    "answered": an_answer(),
    "closed": an_answer(closes=True),
    "without_criterion": a_problem(criterion=None, kind="other", contact=None),
}


@pytest.mark.parametrize(("name", "logged"), PROBLEMS.items(), ids=PROBLEMS)
def test_what_is_said_about_a_difficulty_reads_well(name: str, logged: DifficultyLogged) -> None:
    assert_golden(f"problem_{name}.txt", as_text(logged))


def test_difficulties_read_well_in_english_and_in_html() -> None:
    assert_golden("problem_reported.en.txt", as_text(a_problem(), "en"))
    assert_golden("problem_answered.en.txt", as_text(an_answer(), "en"))
    assert_golden("problem_reported.html", worded(a_draft(a_problem())).html or "")


def test_warnings_stand_under_the_figure_that_they_belong_to_and_not_in_an_sms() -> None:
    detail = Bilingual(
        vi="Số hộ nghèo tăng từ 131 lên 219 so với tháng 5/2023; đơn vị gửi đã xác nhận.",
        en="Poor households rose from 131 to 219 since May 2023; the sender stands by it.",
    )
    warning = SubmissionWarning(code="implausible_change", pointer="/readings/poor_households", detail=detail)
    workers = Bilingual(vi="Tỷ lệ lao động qua đào tạo", en="Workers trained")
    change = a_status_change(
        parts=[a_part(indicator="11.1", warnings=[warning, warning]), a_part(indicator="11.2", name=workers)]
    )
    assert_golden("status_warnings.txt", as_text(change))
    assert_golden("status_warnings.en.txt", as_text(change, "en"))
    assert_golden("status_warnings.html", worded(a_draft(change)).html or "")


@pytest.mark.parametrize(("is_verified", "is_marked"), [(None, False), (True, False), (False, True)])
def test_a_formula_that_was_not_verified_is_marked_like_a_threshold(
    *, is_verified: bool | None, is_marked: bool
) -> None:
    name = Bilingual(vi="không tính hộ không còn khả năng lao động", en="without households unable to work")
    formula = None
    if is_verified is not None:
        formula = FormulaChosen(id="able", name=name, verified=is_verified, source="757/QĐ-LĐTBXH")
    mail = worded(a_draft(a_status_change(parts=[a_part(verified=True, formula=formula)])))
    assert ("(*)" in mail.text, "(*)" in (mail.html or "")) == (is_marked, is_marked)


def test_what_people_have_written_is_escaped_in_html() -> None:
    name = Bilingual(vi='<script>alert("x")</script> & hơn', en="-")
    change = a_status_change(parts=[a_part(name=name)], unit=DIEM_HE.model_copy(update={"name": "xã <b>Điềm</b>"}))
    html = worded(a_draft(change)).html or ""
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; hơn" in html


def test_a_mail_about_a_late_report_begins_with_the_report_and_leads_to_its_form() -> None:
    world = replace(WORLD, figures_url="https://solieu.example.vn")
    [rendered] = render([a_draft(a_status_change(Event.OVERDUE))], world)
    assert rendered.wording
    _, _, begins, form, *_ = rendered.wording.text.split("\n")
    assert begins == "Đề nghị gửi ngay báo cáo tháng 5/2023, tháng 6/2023; nếu có vướng mắc, đề nghị phản ánh kịp thời."
    address = "https://solieu.example.vn/?unit=184&period=2023-05&report=poverty-monthly#enter"
    assert form == f"Lập báo cáo tại: {address}"
    assert address.replace("&", "&amp;") in (rendered.wording.html or "")
    assert "SỐ LIỆU" not in rendered.wording.text


def test_a_mail_about_a_late_report_that_the_calendar_has_no_more_leads_to_the_workbook() -> None:
    reference = replace(REFERENCE, calendar=())
    world = replace(WORLD, figures_url="https://solieu.example.vn", reference=reference)
    [rendered] = render([a_draft(a_status_change(Event.OVERDUE))], world)
    assert rendered.wording
    assert "Lập báo cáo tại: https://solieu.example.vn/?unit=184&period=2023-05#send\n" in rendered.wording.text


def test_a_reminder_leads_to_the_form_of_the_report_that_is_soon_due() -> None:
    world = replace(WORLD, figures_url="https://solieu.example.vn")
    soon = a_report_soon_due()
    [rendered] = render([a_draft(soon)], world)
    assert rendered.wording
    address = "https://solieu.example.vn/?unit=184&period=2023-06&report=poverty-monthly#enter"
    assert f"Lập báo cáo tại: {address}\n" in rendered.wording.text


def test_a_mail_names_the_division_to_ask_and_not_to_itself() -> None:
    division = Contact(role="poverty_division", unit="20", name="Hoàng Thị Bích", phones=["+84912345678"])
    world = replace(WORLD, contacts=by_role([division]))
    draft = a_draft(a_status_change())
    [to_district] = render([draft], world)
    owner = next(role for role in REFERENCE.plan.roles if role.role == "poverty_division")
    [to_itself] = render([replace(draft, recipient=Recipient(owner, PROVINCE_UNIT))], world)
    assert to_district.wording
    assert to_itself.wording
    words = "Hỏi thêm: Phòng Bảo trợ xã hội - Trẻ em, Hoàng Thị Bích, 0912 345 678"
    assert words in to_district.wording.text
    assert "0912 345 678" in (to_district.wording.html or "")
    assert "Hỏi thêm" not in to_itself.wording.text


def test_others_than_the_district_read_the_district_s_name() -> None:
    draft = a_draft(a_status_change())
    [to_province] = render([replace(draft, recipient=Recipient(None, PROVINCE_UNIT))], WORLD)
    assert to_province.wording
    assert to_province.wording.subject == "Điềm He (Văn Quan): tiêu chí 11 chậm tiến độ, còn thiếu 63 hộ"


def test_the_trend_is_told_by_quarter() -> None:
    trend = Projection(on=date(2024, 5, 12), earliest=date(2024, 2, 1), latest=date(2024, 9, 1), in_time=False)
    mail = worded(a_draft(a_status_change(parts=[a_part(projected=trend)])))
    assert "theo xu hướng hiện nay đạt vào quý II/2024, sau thời hạn." in mail.text


@pytest.mark.parametrize(("count", "subject"), [
    (1, "Trấn Ninh: tiêu chí 11 chậm tiến độ, còn thiếu 63 hộ"),
    (3, "Trấn Ninh, Liên Hội, Hòa Bình: tiêu chí 11 chậm tiến độ"),
    (20, "Trấn Ninh, Liên Hội, Hòa Bình và 13 đơn vị khác: tiêu chí 11, 12 chậm tiến độ"),
])  # fmt: skip
def test_the_subject_of_a_grouped_mail_names_places_and_criteria(count: int, subject: str) -> None:
    changes = changes_of_communes(count)
    mail = worded(a_draft(changes[0], alerts=tuple(an_alert(change) for change in changes), gathering=UUID(int=1)))
    assert mail.subject == subject


def test_a_silence_is_told_in_words() -> None:
    alert = example(SilenceEvent.GIVEN, REFERENCE)
    match = Match(criteria=["ntm-11"], events=[Event.FELL_BEHIND, Event.OVERDUE], under=["184"])
    given = alert.occasion.model_copy(update={"match": match, "recipient": "district_office@184"})
    mail = preview([replace(alert, occasion=given)], "email", "vi", REFERENCE)
    assert "tiêu chí: 11; sự việc: chậm tiến độ, quá hạn báo cáo; nơi nhận: " in mail.text
    assert "fell_behind" not in mail.text
    assert "@184" not in mail.text


def test_a_subject_about_many_targets_names_the_first() -> None:
    titles = ("vay vốn tín dụng", "nhà ở", "y tế")
    changes = [a_target_change() for _ in titles]
    for change, title in zip(changes, titles, strict=True):
        change.commitment.title = Bilingual(vi=title, en="-")
    mail = worded(a_draft(changes[0], alerts=tuple(an_alert(change) for change in changes), gathering=UUID(int=1)))
    assert mail.subject == "Tỉnh Lạng Sơn: chỉ tiêu “vay vốn tín dụng” và 2 chỉ tiêu khác chậm tiến độ"


def test_what_is_answered_by_yes_or_no_needs_no_table() -> None:
    part = a_part(measured_in="yes_no", value=1, goal=1, required=None, gap=None, missing=None, numerator=None,
                  denominator=None)  # fmt: skip
    mail = worded(a_draft(a_status_change(Event.MET, parts=[part])))
    assert "SỐ LIỆU" not in mail.text
    assert "Hôm nay phải" not in (mail.html or "")


def test_a_grouped_mail_tells_the_day_of_the_simulated_clock() -> None:
    changes = changes_of_communes(2)
    draft = a_draft(changes[0], alerts=tuple(an_alert(change) for change in changes), gathering=UUID(int=1))
    real, simulated = datetime(2026, 11, 28, 3, tzinfo=UTC), datetime(2023, 7, 3, 3, tzinfo=UTC)
    [rendered] = render([draft], replace(WORLD, now=real, shown_now=simulated))
    assert rendered.wording
    assert "Đến ngày 03/07/2023" in (rendered.wording.html or "")


@pytest.mark.parametrize(("direction", "required"), [("at_least", "≥ 83 xã"), ("at_most", "≤ 82 xã")])
def test_what_is_counted_one_by_one_is_told_in_whole_numbers(direction: str, required: str) -> None:
    communes = Bilingual(vi="xã", en="communes")
    part = a_part(measured_in="communes", direction=direction, value=79, required=82.3, gap=3.3, goal=87, missing=8,
                  missing_unit=communes, numerator=None, denominator=None)  # fmt: skip
    mail = worded(a_draft(a_target_change(parts=[part])))
    assert f"hôm nay phải {required}" in mail.text
    assert "kém lộ trình 4 xã" in mail.text


def test_html_loads_nothing_from_elsewhere() -> None:
    html = worded(a_draft(a_status_change())).html or ""
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", html) == ["https://ntm.example.vn/?unit=06280"]


def test_a_subject_is_one_line() -> None:
    change = a_status_change(unit=DIEM_HE.model_copy(update={"name": "xã Điềm\r\nBcc: x@example.vn"}))
    assert "\n" not in (worded(a_draft(change)).subject or "")


def test_what_cannot_be_sent_is_not_worded() -> None:
    [draft] = render([a_draft(a_status_change(), not_sent=NotSent.NO_CONTACT)], WORLD)
    assert draft.wording is None


def test_the_same_change_is_worded_alike() -> None:
    change = a_status_change(id=UUID(int=1))
    assert worded(a_draft(change)) == worded(a_draft(change))


def test_a_digest_of_one_piece_of_news_says_that_it_is_one() -> None:
    [rendered] = render([a_draft(a_status_change(Event.MET), waits="news")], WORLD)
    assert rendered.wording
    assert rendered.wording.subject == "Tổng hợp trong tuần: Điềm He: tiêu chí 11 đã đạt"
