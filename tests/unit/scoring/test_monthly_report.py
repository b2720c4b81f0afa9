"""The words of the monthly report: what it says without figures, of sample data, and of shares of the plan."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from services.scoring.judging.assessments import assess_target
from services.scoring.judging.judge import Judge
from services.scoring.reporting.facts import CommitmentFact, ReportFacts
from services.scoring.reporting.frame import Office
from services.scoring.reporting.monthly import monthly_report
from services.scoring.reporting.paper import Heading, Paper, Paragraph, Table
from shared.contracts.assessment import Assessment
from shared.contracts.period import Period
from shared.contracts.status import Status
from shared.reference.load import load, with_plan
from tests.binding_plan import binding_reference

JUNE = Period.parse("2023-06")
SAMPLE = with_plan(load(), load().plan.model_copy(update={"sample": True}))


def facts(
    today: date, *, month: Period = JUNE, sample: bool = False, unit: str = "20", **changes: object
) -> ReportFacts:
    reference = SAMPLE if sample else load()
    place = reference.units.find(unit, month.end)
    assert place
    on = min(month.end, today)
    plain = ReportFacts(month, on, today, place, reference, [], [], 181, {}, Counter(), set(), [], Counter(), 0)
    return plain._replace(**changes)


def words(paper: Paper) -> str:
    said = [block.text for block in paper.blocks if isinstance(block, Heading | Paragraph)]
    return "\n".join([*paper.marks, *said])


def test_sample_data_is_called_so_on_the_first_page_in_either_language() -> None:
    assert "DỮ LIỆU MẪU" in words(monthly_report(facts(date(2023, 7, 3), sample=True), Office()))
    assert "SAMPLE DATA" in words(monthly_report(facts(date(2023, 7, 3), sample=True), Office(), "en"))
    assert "MẪU" not in words(monthly_report(facts(date(2023, 7, 3)), Office()))


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2023, 7, 3), "Đến ngày 30/06/2023 chưa nhận được số liệu nào"),
        (date(2023, 6, 30), "Tháng 6 năm 2023 chưa kết thúc: số liệu dưới đây tính đến ngày 30/06/2023"),
        (date(2023, 5, 31), "Tháng 6 năm 2023 chưa đến"),
    ],
)
def test_a_month_without_figures_says_why_and_has_no_table(today: date, said: str) -> None:
    paper = monthly_report(facts(today), Office())
    assert said in words(paper)
    assert not [block for block in paper.blocks if isinstance(block, Table)]
    assert paper.annexes == ()


def test_the_office_of_the_settings_stands_on_the_provinces_report_and_not_on_a_districts() -> None:
    office = Office(above="UBND tỉnh", issuer="Văn phòng Điều phối", signed_as="Chánh Văn phòng", signer="Lý Văn Nam")
    frame = monthly_report(facts(date(2023, 7, 3)), office).frame
    assert (frame.issuer, frame.signed_as, frame.signer) == ("VĂN PHÒNG ĐIỀU PHỐI", "CHÁNH VĂN PHÒNG", "Lý Văn Nam")
    of_district = monthly_report(facts(date(2023, 7, 3), unit="184"), office).frame
    assert (of_district.above, of_district.signer) == ("UBND HUYỆN VĂN QUAN", "")
    assert of_district.recipients[1].startswith("Ủy ban nhân dân huyện Văn Quan")


def a_fact(commitment: str, **numbers: object) -> CommitmentFact:
    """Return a commitment of the province with other numbers than nobody's."""
    reference = binding_reference()
    chosen, unit = next((one, unit) for one, unit in reference.targets if one.id == commitment)
    empty = assess_target(Judge(reference, JUNE.end), chosen, unit, {})
    part = empty.parts[0].model_copy(update=numbers)
    known = Assessment(status=Status.BEHIND, on=JUNE.end, parts=[part], reason=empty.reason)
    return CommitmentFact(unit, chosen, known, known)


@pytest.mark.parametrize(
    ("commitment", "numbers", "share"),
    [
        ("poverty-communes", {"value": 78.0, "goal": 87.0, "units_counted": 181}, 100 * 78 / 87),
        ("poverty-communes", {"value": 0.0, "goal": 87.0, "units_counted": 0}, None),
        ("poverty-rate", {"value": 17.0, "baseline": 18.0, "goal": 15.0, "units_counted": 200}, 100 / 3),
        ("poverty-rate", {"value": 19.0, "baseline": 18.0, "goal": 15.0, "units_counted": 200}, -100 / 3),
        ("gender-violence", {"value": 46.0, "baseline": 55.0, "goal": 54.0, "reports_in": 6}, None),
        ("trusted-addresses", {"value": 1.0, "goal": 1.0}, None),
    ],
)
def test_the_share_of_the_plan_is_told_where_it_means_something(
    commitment: str, numbers: dict[str, object], share: float | None
) -> None:
    found = a_fact(commitment, **numbers).share
    assert found == (None if share is None else pytest.approx(share))


def test_what_is_behind_is_told_with_its_path_what_is_missing_and_who_should_act() -> None:
    numbers = {
        "value": 76.0, "goal": 87.0, "required": 77.0, "gap": 1.0, "missing": 11, "units_counted": 181, "next": None,
        "required_on": date(2023, 3, 31), "deadline": date(2023, 12, 31), "projected": None,
    }  # fmt: skip
    fact = a_fact("poverty-communes", **numbers)
    said = words(monthly_report(facts(date(2023, 7, 3), commitments=[fact]), Office()))
    assert (
        "- Chỉ tiêu “87/181 xã đạt tiêu chí Nghèo đa chiều”: mới thực hiện 76 xã; theo lộ trình đến ngày 31/03/2023 "
        "phải đạt 77 xã, còn thấp hơn 1 xã; để đạt 87 xã vào ngày 31/12/2023 còn thiếu 11 xã." in said
    )
    assert (
        "- Đề nghị Phòng Bảo trợ xã hội - Trẻ em tập trung chỉ đạo thực hiện chỉ tiêu “87/181 xã đạt tiêu chí Nghèo đa "
        "chiều”, phấn đấu đạt 87 xã vào ngày 31/12/2023." in said
    )
