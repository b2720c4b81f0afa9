"""The plan checker finds the errors of the plan of 2023, and none once the data are corrected."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from typer.testing import CliRunner

from services.cli.plan import app
from shared.reference.load import PACKAGED, load, source_text
from shared.reference.models import Misspelling, Plan, Rate
from shared.reference.plan_check import Finding, check, exit_status

REFERENCE = load()
PLAN = REFERENCE.plan
SOURCE = source_text(PLAN)
PLAN_FILE = PACKAGED / "plans" / "lang-son-2023.yaml"


def findings(plan: Plan = PLAN, source: str = SOURCE, code: str | None = None) -> list[Finding]:
    return [finding for finding in check(plan, source, REFERENCE) if code in {None, finding.code}]


def corrected(plan: Plan, part: str, which: dict[str, Any], **changes: Any) -> Plan:
    """Return the plan with a change to the one record of a list that matches `which`."""
    records: list[BaseModel] = getattr(plan, part)

    def matches(record: BaseModel) -> bool:
        return all(getattr(record, name) == value for name, value in which.items())

    assert sum(map(matches, records)) == 1
    mended = [record.model_copy(update=changes) if matches(record) else record for record in records]
    return plan.model_copy(update={part: mended})


def test_the_plan_of_2023_has_these_findings() -> None:
    assert [(finding.line, finding.severity, finding.code) for finding in findings()] == [
        (3, "warning", "number-blank"),
        (5, "warning", "day-blank"),
        (19, "error", "counts-disagree"),
        (19, "warning", "misspelled"),
        (19, "warning", "no-person"),
        (19, "warning", "no-reporting-date"),
        (33, "warning", "percent-for-points"),
        (33, "warning", "percent-for-points"),
        (35, "error", "share-wrong"),
        (35, "warning", "doubled-word"),
        (55, "warning", "share-rounding"),
        (71, "warning", "led-by-another"),
        (71, "warning", "no-such-indicator"),
        (71, "warning", "set-among-criterion"),
        (71, "warning", "unit-misspelled"),
        (95, "error", "span-wrong"),
        (97, "warning", "no-number"),
        (107, "error", "outside-plan-year"),
        (107, "error", "outside-plan-year"),
        (117, "warning", "office-two-forms"),
        (135, "warning", "abbreviation-cut"),
        (136, "warning", "abbreviation-hyphen"),
        (136, "warning", "owner-not-told"),
        (137, "warning", "list-mark"),
    ]
    assert exit_status(findings()) == 2


def test_a_share_that_is_not_its_counts_is_an_error_and_names_the_count_that_it_fits() -> None:
    (finding,) = findings(code="share-wrong")
    assert finding.message.vi == "87/181 là 48,07 %, không phải 45,86 % (45,86 % là tỷ lệ của 83/181)"
    assert finding.message.en == "87/181 is 48.07 %, not 45.86 % (45.86 % is the share of 83/181)"
    mended = corrected(PLAN, "commitments", {"id": "poverty-communes"}, stated_share=Decimal("48.07"))
    assert findings(mended, code="share-wrong") == []
    other_count = corrected(PLAN, "commitments", {"id": "poverty-communes"}, goal=Decimal(83))
    assert findings(other_count, code="share-wrong") == []


def test_a_share_that_is_cut_instead_of_rounded_is_a_warning() -> None:
    (finding,) = findings(code="share-rounding")
    assert "68,508 %" in finding.message.vi
    assert "cut instead of rounded" in finding.message.en
    assert finding.expected == "68,51 %"
    mended = corrected(PLAN, "commitments", {"id": "labour-communes"}, stated_share=Decimal("68.51"))
    assert findings(mended, code="share-rounding") == []


@given(st.integers(min_value=0, max_value=181), st.sampled_from([-2, -1, 0, 1, 2]))
def test_shares_are_judged_by_the_tolerance(count: int, hundredths: int) -> None:
    exact = Decimal(100 * count) / 181
    stated = exact.quantize(Decimal("0.01")) + Decimal(hundredths) / 100
    plan = corrected(PLAN, "commitments", {"id": "labour-communes"}, goal=Decimal(count), stated_share=stated)
    found = [finding.code for finding in findings(plan) if finding.line == 55 and "share" in finding.code]
    off = abs(exact - stated)
    expected = [] if off <= Decimal("0.005") else ["share-rounding"] if off <= Decimal("0.01") else ["share-wrong"]
    assert found == expected


def test_a_total_that_is_not_the_registrys_is_an_error() -> None:
    plan = corrected(PLAN, "commitments", {"id": "education-communes"}, out_of=182, stated_share=None)
    (finding,) = findings(plan, code="total-wrong")
    assert (finding.line, finding.found, finding.expected) == (71, "182", "181")


def test_two_counts_that_disagree_are_an_error_with_both_lines() -> None:
    (finding,) = findings(code="counts-disagree")
    assert finding.lines == (19, 71)
    assert finding.message.vi.endswith("5 (dòng 19), 3 (dòng 71)")
    mended = corrected(PLAN, "stated_counts", {"line": 71}, count=5)
    assert findings(mended, code="counts-disagree") == []


def test_both_action_months_lie_outside_the_plans_year() -> None:
    first, second = findings(code="outside-plan-year")
    assert (first.found, second.found) == ("(tháng 6/2021)", "(từ ngày 15/11 đến ngày 15/12/2021)")
    mended = corrected(
        PLAN, "stated_spans", {"quote": "(tháng 6/2021)"}, first=date(2023, 6, 1), last=date(2023, 6, 30)
    )
    assert findings(mended, code="outside-plan-year") == [second]


def test_an_instrument_has_its_own_span() -> None:
    (finding,) = findings(code="span-wrong")
    assert (finding.line, finding.expected) == (95, "2021-2030")
    mended = corrected(PLAN, "stated_spans", {"instrument": "gender-strategy"}, last=date(2030, 12, 31))
    assert findings(mended, code="span-wrong") == []


def test_a_wrong_span_of_an_unverified_instrument_is_only_a_warning() -> None:
    plan = corrected(PLAN, "stated_spans", {"instrument": "poverty-programme"}, last=date(2026, 12, 31))
    assert [finding.severity for finding in findings(plan, code="span-wrong")] == ["warning", "error"]


def test_a_unit_is_recognised_without_diacritics_and_its_name_corrected() -> None:
    (finding,) = findings(code="unit-misspelled")
    assert (finding.found, finding.expected) == ("Diêm He", "Điềm He")
    source = SOURCE.replace("Diêm He", "Điềm He")
    mended = corrected(PLAN, "stated_units", {"code": "06280"}, name="Điềm He")
    assert findings(mended, source, "unit-misspelled") == []


def test_a_unit_that_the_district_does_not_have_is_an_error() -> None:
    plan = corrected(PLAN, "stated_units", {"code": "06121"}, district="Đình Lập")
    (finding,) = findings(plan, code="unit-unknown")
    assert (finding.line, finding.severity, finding.found) == (71, "error", "Tân Văn")


def test_misspellings_are_counted_with_their_lines() -> None:
    (finding,) = findings(code="misspelled")
    assert finding.lines == (19, 33, 35, 55, 71)
    assert "8 lần: dòng 19 (3×), 33, 35, 55 (2×), 71" in finding.message.vi
    assert finding.expected == "phấn đấu"
    source = SOURCE
    for wrong, right in (("phân đầu", "phấn đấu"), ("phần đầu", "phấn đấu"), ("Phần đầu", "Phấn đấu")):
        source = source.replace(wrong, right)
    assert findings(source=source, code="misspelled") == []


def test_misspellings_are_data() -> None:
    words = [Misspelling(right="năm", wrong=["nămm"])]
    spelling = REFERENCE.spelling.model_copy(update={"misspellings": words})
    reference = replace(REFERENCE, spelling=spelling)
    found = [
        finding.expected for finding in check(PLAN, SOURCE + "\nnămm 2023", reference) if finding.code == "misspelled"
    ]
    assert found == ["năm"]


def test_a_doubled_word_is_found_but_no_reduplication_and_no_name() -> None:
    (finding,) = findings(code="doubled-word")
    assert (finding.line, finding.found) == (35, "đạt đạt")
    source = SOURCE.replace("đạt đạt", "đạt") + "\nluôn luôn, ngày ngày, nhà giáo Giáo dục, 5 5"
    assert findings(source=source, code="doubled-word") == []


def test_a_criterion_of_another_sector_is_told() -> None:
    (finding,) = findings(code="led-by-another")
    assert "tiêu chí 14" in finding.message.vi
    document = PLAN.document.model_copy(update={"sector": "education"})
    found = findings(PLAN.model_copy(update={"document": document}), code="led-by-another")
    assert [each.line for each in found] == [35, 55]


def test_a_level_that_is_no_indicator_of_its_criterion_is_told() -> None:
    (finding,) = findings(code="no-such-indicator")
    assert "50 %" in finding.message.vi
    assert finding.expected.startswith("12.1 Tỷ lệ lao động qua đào tạo ≥ 70 %; 12.2")
    trained = Rate(numerator=["trained_men", "trained_women"], denominator=["workers_men", "workers_women"])
    mended = corrected(PLAN, "commitments", {"id": "trade-training"}, measure=trained, goal=Decimal(70))
    assert findings(mended, code="no-such-indicator") == []
    same_share = corrected(PLAN, "commitments", {"id": "trade-training"}, measure=trained)
    assert len(findings(same_share, code="no-such-indicator")) == 1


def test_the_words_of_duties_and_of_the_basis_stand_on_their_lines() -> None:
    moved = corrected(PLAN, "duties", {"id": "yearly-review"}, line=122)
    assert [(each.line, each.found) for each in findings(moved, code="quote-not-found")] == [
        (122, "Chỉ đạo tổ chức thực hiện tốt công tác rà soát hộ nghèo, hộ cận nghèo hằng năm")
    ]
    first, *others = PLAN.document.basis
    basis = [first.model_copy(update={"quote": first.quote.replace("18/01", "19/01")}), *others]
    other = PLAN.model_copy(update={"document": PLAN.document.model_copy(update={"basis": basis})})
    assert [each.line for each in findings(other, code="quote-not-found")] == [11]


def test_the_gender_part_has_no_number() -> None:
    (finding,) = findings(code="no-number")
    assert finding.lines == (97, 105, 107)
    quote = "giảm dần số vụ bạo lực trên cơ sở giới 10%"
    source = SOURCE.replace("giảm dần số vụ bạo lực trên cơ sở giới", quote)
    mended = corrected(PLAN, "commitments", {"id": "gender-violence"}, quote=quote)
    mended = corrected(mended, "commitments", {"id": "gender-violence-no-increase"}, quote=quote)
    assert findings(mended, source, "no-number")[0].lines == (105, 107)


@pytest.mark.parametrize(("code", "field"), [("no-person", "person"), ("no-reporting-date", "reporting")])
def test_commitments_without_person_or_reporting_date_are_told_at_once(code: str, field: str) -> None:
    (finding,) = findings(code=code)
    assert finding.lines == (19, 33, 35, 55, 71, 97, 105, 107, 123)
    whole = len(PLAN.commitments)
    assert finding.message.en.startswith(f"{whole}/{whole} commitments")
    one = corrected(PLAN, "commitments", {"id": "new-jobs"}, **{field: "hằng tháng"})
    assert findings(one, code=code)[0].message.en.startswith(f"{whole - 1}/{whole} commitments")
    everything = [each.model_copy(update={field: "hằng tháng"}) for each in PLAN.commitments]
    assert findings(PLAN.model_copy(update={"commitments": everything}), code=code) == []


def test_a_blank_number_and_day_are_told_on_their_lines() -> None:
    numbered = PLAN.document.model_copy(
        update={"number": "12/KH-SLĐTBXH", "dated": "Lạng Sơn, ngày 15 tháng 3 năm 2023"}
    )
    mended = PLAN.model_copy(update={"document": numbered})
    assert {finding.code for finding in findings(mended)} == {finding.code for finding in findings()} - {
        "number-blank",
        "day-blank",
    }


def test_a_quote_that_does_not_stand_on_its_line_is_an_error_of_the_data() -> None:
    plan = corrected(PLAN, "commitments", {"id": "new-jobs"}, line=56)
    (finding,) = findings(plan, code="quote-not-found")
    assert (finding.line, finding.severity) == (56, "error")


def test_the_exit_status_tells_clean_warnings_and_errors_apart() -> None:
    warning, error = findings(code="day-blank"), findings(code="span-wrong")
    assert (exit_status([]), exit_status(warning), exit_status(warning + error)) == (0, 1, 2)


# --- the command -------------------------------------------------------------------------------------------


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_the_command_prints_findings_with_line_and_words_and_exits_with_2() -> None:
    status, output = run("check", PLAN_FILE)
    assert status == 2
    assert "dòng  35  87/181 là 48,07 %, không phải 45,86 %" in output
    assert "lên 87/181 xã, chiếm 45,86%." in output
    assert "lang-son-2023.txt: 5 lỗi, 19 lưu ý" in output
    assert output == run("check")[1]


def test_the_command_speaks_english() -> None:
    _, output = run("check", "--lang", "en")
    assert "5 errors, 19 warnings" in output


def test_the_command_tells_faults_of_a_broken_file_with_line_field_and_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "plan.yaml"
    broken.write_text(PLAN_FILE.read_text(encoding="utf-8").replace("goal: 1000", "goal: ten"), encoding="utf-8")
    status, output = run("check", broken, "--lang", "en")
    assert status == 2
    assert f"{broken}:" in output
    assert "commitments[7].goal: not a valid number (found: ten). Write a number" in output
    assert run("show", broken)[0] == 2
    assert run("check", tmp_path / "none.yaml")[0] == 2


def test_a_file_elsewhere_is_held_against_the_text_beside_it(tmp_path: Path) -> None:
    copy = tmp_path / "plan.yaml"
    copy.write_text(PLAN_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "lang-son-2023.txt").write_text(SOURCE.replace("đạt đạt", "đạt"), encoding="utf-8")
    _, output = run("check", copy)
    assert "doubled-word" not in output
    assert "quote-not-found" in output


def test_the_plan_is_shown_with_unnamed_members_and_unverified_marks() -> None:
    status, output = run("show")
    assert status == 0
    assert "10 xã chưa nêu tên" in output
    assert "Điềm He 06280, Tân Văn 06121, Châu Sơn 06637, 2 xã chưa" in output
    assert "≥ 87/181 xã" in output
    assert "≤ 13 % (?)" in output
    assert "UBND tỉnh; (BC)" in output
    assert "18/KH-UBND, 18/01/2023, Ủy ban nhân dân tỉnh Lạng Sơn" in output
    assert "Trung tâm Dịch vụ việc làm tỉnh Lạng Sơn" in output
    assert "hằng năm, 01/09/2023 - 14/12/2023" in output
    assert "(phối hợp: Phòng Nông nghiệp và Phát triển nông thôn; " in output
    assert "from figures" in run("show", "--lang", "en")[1]
