"""The words of the monthly report: what it says without figures, of sample data, and of shares of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from services.scoring.drawing.chart import chart_xml
from services.scoring.following.note import Note
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.judge import Judge
from services.scoring.reporting.facts import CommitmentFact, CriterionFact, ReportFacts
from services.scoring.reporting.frame import Office
from services.scoring.reporting.monthly import monthly_report
from services.scoring.reporting.paper import Bars, Heading, Paper, Paragraph, Table
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Language
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


def test_what_the_path_asks_for_later_is_not_praised_with_a_zero() -> None:
    fact = a_fact("poverty-communes", value=0.0, required=0.0, goal=87.0, units_counted=181)
    on_track = fact._replace(known=fact.known.model_copy(update={"status": Status.ON_TRACK}))
    said = words(monthly_report(facts(date(2023, 7, 3), commitments=[on_track]), Office()))
    assert "87/181 xã đạt tiêu chí Nghèo đa chiều (theo lộ trình chưa đến kỳ phải đạt)" in said
    assert "thực hiện 0 xã" not in said


def test_the_chart_shows_every_commitment_that_has_a_share() -> None:
    one = a_fact("poverty-communes", value=78.0, goal=87.0, units_counted=181)
    paper = monthly_report(facts(date(2023, 7, 3), commitments=[one] * 22), Office())
    [bars] = [block for block in paper.blocks if isinstance(block, Bars)]
    assert len(bars.labels) == 22


@pytest.mark.parametrize(("language", "format_code"), [("vi", b"[$-42A]0.0"), ("en", b"[$-409]0.0")])
def test_the_charts_decimals_are_written_in_the_papers_language(language: Language, format_code: bytes) -> None:
    xml = chart_xml(Bars("", ["xã A"], [("", [94.2])], language))
    assert b"<formatCode>" + format_code + b"</formatCode>" in xml


NOTE = Note(
    "Đang rà soát 60 hộ.", "Phòng NN&PTNT huyện Văn Quan", datetime(2023, 6, 12, 2, tzinfo=UTC), date(2023, 6, 12)
)


def communes_behind(count: int) -> list[CriterionFact]:
    """Return communes of Văn Quan that are behind in criterion 11."""
    reference = binding_reference()
    known = a_fact("poverty-communes").known.model_copy(update={"parts": []})
    communes = reference.units.communes(JUNE.end, "184")[:count]
    return [CriterionFact(unit, reference.units.district(unit), "ntm-11", known) for unit in communes]


def noted(behind: Sequence[CriterionFact], note: Note = NOTE) -> Paper:
    """Return the report of June in which somebody has taken care of each of these communes."""
    notes = {(fact.unit.key, fact.criterion): note for fact in behind}
    statuses = {"ntm-11": Counter({Status.BEHIND: len(behind)})}
    return monthly_report(facts(date(2023, 7, 3), criteria=behind, statuses=statuses, notes=notes), Office())


def test_a_note_stands_in_the_report_with_its_day_and_the_name_of_who_wrote_it() -> None:
    [fact] = behind = communes_behind(1)
    paper = noted(behind)
    assert (
        f"+ Xã {fact.unit.name}, huyện Văn Quan, tiêu chí 11. Nghèo đa chiều: “Đang rà soát 60 hộ” "
        "(Phòng NN&PTNT huyện Văn Quan, ngày 12/06/2023)." in words(paper)
    )
    assert len(paper.annexes) == 1
    assert "(đơn vị nhận cảnh báo, ngày 12/06/2023)." in words(noted(behind, NOTE._replace(by=None)))


def test_many_notes_stand_in_an_annex_of_their_own() -> None:
    behind = communes_behind(11)
    paper = noted(behind)
    assert "Đang rà soát" not in words(paper)
    assert "đã có ý kiến về 11 nội dung chậm tiến độ của các xã, chi tiết tại Phụ lục II." in words(paper)
    [_, annex] = paper.annexes
    rows = [[cell.text for cell in row] for row in annex.table.rows]
    assert [row[1] for row in rows] == [fact.unit.title for fact in behind]
    assert {tuple(row[3:]) for row in rows} == {
        ("11. Nghèo đa chiều", "Đang rà soát 60 hộ.", "Phòng NN&PTNT huyện Văn Quan, 12/06/2023")
    }


def test_a_note_on_a_commitment_follows_what_it_lacks() -> None:
    fact = a_fact("poverty-communes", value=76.0, goal=87.0, units_counted=181)
    notes = {(fact.unit.key, fact.commitment.id): NOTE}
    said = words(monthly_report(facts(date(2023, 7, 3), commitments=[fact], notes=notes), Office()))
    [line] = [line for line in said.splitlines() if line.startswith("- Chỉ tiêu “87/181 xã")]
    assert line.endswith("Ý kiến của Phòng NN&PTNT huyện Văn Quan ngày 12/06/2023: “Đang rà soát 60 hộ”.")
