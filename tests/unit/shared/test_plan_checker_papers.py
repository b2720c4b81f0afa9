"""The plan checker on other papers: each kind of slip is found where it stands, and none in a clean text."""

from __future__ import annotations

import unicodedata

import pytest

from shared.reference.load import load, source_text
from shared.reference.plan_check import Finding, check

REFERENCE = load()
PLAN = REFERENCE.plan
KINDS = {
    "percent-for-points",
    "set-among-criterion",
    "list-mark",
    "abbreviation-cut",
    "abbreviation-hyphen",
    "office-two-forms",
    "owner-not-told",
}
CLEAN = """Căn cứ Kế hoạch số 5/KH-UBND ngày 10/01/2024;
Giảm tỷ lệ hộ nghèo từ 15% xuống còn 12%; nâng tỷ lệ lao động qua đào tạo lên 50%; tỷ lệ hộ nghèo dưới 13 %.
Giảm tỷ lệ hộ nghèo 3 điểm phần trăm, giảm 10% số vụ bạo lực; công tác giảm nghèo với tỷ lệ 13%.
Nâng cao tỷ lệ tham gia, đạt 95%. Giảm tỷ lệ từ 15% năm 2022 còn 12% năm 2023, tăng 2% điểm.
Có 61 xã đạt chuẩn nông thôn mới, trong đó 05 xã đạt nông thôn mới nâng cao.
10 xã đạt 19/19 tiêu chí, trong đó 5 xã đạt nông thôn mới nâng cao.
12 xã đạt tiêu chí nông thôn mới, gồm 2 xã đạt nông thôn mới kiểu mẫu.
Sở Lao động - Thương binh và Xã hội, ngành Lao động – Thương binh và Xã hội; về lao động, thương binh, xã hội.
Nơi nhận:
- Như trên;
- UBND tỉnh; (BC)
- HĐND tỉnh (b/c);
- GĐ, PGĐ Sở;
- TP, PTP, CVP, các PVP;
- Các phòng: LĐVL-BHXH, GDNN, PCTNXH-BĐG và
các đơn vị trực thuộc;
- Phòng LĐTBXH các huyện, T. phố;
- Lưu: VT, P.BTXHTE (H).

GIÁM ĐỐC
"""


def found(text: str, *kinds: str) -> list[Finding]:
    """Return the findings of these kinds (by default all that a text alone can show), by line."""
    wanted = set(kinds) or KINDS - {"owner-not-told"}
    return [finding for finding in check(PLAN, text, REFERENCE) if finding.code in wanted]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_clean_paper_has_no_such_finding(form: str) -> None:
    assert found(unicodedata.normalize(form, CLEAN)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Giảm tỷ lệ hộ nghèo bình quân 1-1,5%/năm.", ["1-1,5 điểm phần trăm"]),
        ("Tăng tỉ lệ che phủ rừng thêm 2 phần trăm.", ["2 điểm phần trăm"]),
        ("Tỷ lệ hộ nghèo giảm 3 % so với năm 2022.", ["3 điểm phần trăm"]),
        ("Phấn đấu giảm 4% tỷ lệ hộ cận nghèo.", ["4 điểm phần trăm"]),
        ("Giảm tỷ lệ hộ nghèo từ 3% trở lên (huyện nghèo giảm từ 5%).", ["3 điểm phần trăm", "5 điểm phần trăm"]),
    ],
)
def test_a_change_of_a_share_in_percent_is_found(text: str, expected: list[str]) -> None:
    for written in (text, unicodedata.normalize("NFD", text)):
        assert [finding.expected for finding in found(f"\n{written}", "percent-for-points")] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Có 61/61 xã đạt tiêu chí số 5 Trường học, trong đó có 05 xã đạt chuẩn NTM nâng cao.",
        "Duy trì 40 xã đạt tiêu chí Y tế, bao gồm 2 xã được công nhận nông thôn mới kiểu mẫu.",
    ],
)
def test_a_set_that_hangs_on_a_criterion_is_found(text: str) -> None:
    (finding,) = found(f"\n\n{text}", "set-among-criterion")
    assert finding.line == 3
    assert finding.found.startswith(("05 xã", "2 xã"))


def test_entries_of_the_list_with_a_wrong_mark_are_found_on_their_lines() -> None:
    text = "Nơi nhận:\n- Như trên,\n- UBND tỉnh (b/c).\n- Các phòng: GDNN và\ncác đơn vị\n- Lưu: VT"
    marks = [(finding.line, finding.expected) for finding in found(text, "list-mark")]
    assert marks == [
        (2, "Như trên;"),
        (3, "UBND tỉnh (b/c);"),
        (5, "Các phòng: GDNN và các đơn vị;"),
        (6, "Lưu: VT."),
    ]


@pytest.mark.parametrize(
    ("stated", "right"),
    [
        ("C, PVP", "CVP, PVP"),
        ("CV, PVP", "CVP, PVP"),
        ("G, PGĐ", "GĐ, PGĐ"),
        ("C, PCT", "CT, PCT"),
        ("T, PTP", "TP, PTP"),
    ],
)
def test_a_cut_abbreviation_is_found(stated: str, right: str) -> None:
    (finding,) = found(f"Nơi nhận:\n- {stated} Sở;\n- Lưu: VT.", "abbreviation-cut")
    assert (finding.line, finding.found, finding.expected) == (2, stated, right)


@pytest.mark.parametrize(
    ("stated", "right"), [("LĐ-VL-BHXH", "LĐVL-BHXH"), ("GD-NN", "GDNN"), ("PCTN-XH-BĐG", "PCTNXH-BĐG")]
)
def test_a_hyphen_where_the_offices_name_has_no_break_is_found(stated: str, right: str) -> None:
    (finding,) = found(f"Nơi nhận:\n- Các phòng: {stated};\n- Lưu: VT.", "abbreviation-hyphen")
    assert (finding.line, finding.found, finding.expected) == (2, stated, right)


def test_an_office_in_two_forms_is_found_on_the_lines_of_the_rarer_one() -> None:
    text = (
        "phòng Nông nghiệp và Phát triển nông thôn\nphòng Nông nghiệp, Phát triển nông thôn\n"
        "Phòng Nông nghiệp và Phát triển nông thôn huyện"
    )
    (finding,) = found(text, "office-two-forms")
    assert finding.lines == (2,)
    assert (finding.found, finding.expected) == (
        "Nông nghiệp, Phát triển nông thôn",
        "Nông nghiệp và Phát triển nông thôn",
    )


def test_an_owner_whom_the_list_tells_is_not_missing() -> None:
    text = source_text(PLAN)
    (finding,) = [each for each in found(text, "owner-not-told") if each.line == 136]
    assert finding.expected == "Phòng Bảo trợ xã hội - Trẻ em"
    told = [
        entry.model_copy(update={"roles": [*entry.roles, "poverty_division"]}) if entry.line == 136 else entry
        for entry in PLAN.distribution
    ]
    mended = PLAN.model_copy(update={"distribution": told})
    assert [each for each in check(mended, text, REFERENCE) if (each.code, each.line) == ("owner-not-told", 136)] == []
