"""`ntm units`: the words that the command prints about units that change."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from services.cli.main import app


def told(*arguments: str, status: int = 0) -> str:
    """Return the output of the command on one line."""
    result = CliRunner().invoke(app, ["units", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return re.sub(r"\s+", " ", result.output)


def test_every_unit_that_had_the_code_is_followed_to_what_it_is_now() -> None:
    text = told("successor", "06040", "--on", "2025-12-31")
    assert "06040 xã Đại Đồng, huyện Tràng Định, tỉnh Lạng Sơn: từ 01/01/2020 đến 30/11/2024" in text
    assert "phần lớn nhập vào 06040 thị trấn Thất Khê → một phần nhập vào 06025 xã Đội Cấn" in text
    assert "Đến 31/12/2025 là: 06040 xã Thất Khê, 06004 xã Quốc Khánh" in text
    assert "06040 xã Thất Khê, tỉnh Lạng Sơn: từ 01/07/2025 đang tồn tại" in text


def test_it_is_told_by_a_day_and_in_english_too() -> None:
    text = told("successor", "06040", "--on", "2025-01-01", "--lang", "en")
    assert "By 1 January 2025 it is: 06040 Thất Khê town, 06025 Đội Cấn commune" in text
    assert "from 1 December 2024 to 30 June 2025 exists" in text


def test_figures_that_cannot_go_over_are_named() -> None:
    assert "Không tách được số liệu: households, poor_households" in told("successor", "06622")
    assert "Không cộng được vào xã Đình Lập, vì gồm cả một phần của xã Bính Xá: households" in told(
        "successor", "06628"
    )
    assert "vì không thống kê ở thị trấn Bình Gia: workers_men" in told("successor", "06100")
    assert "vì không thống kê ở phường Tam Thanh: workers_men" in told("successor", "05986")


def test_figures_that_go_over_are_told_too() -> None:
    assert "Số liệu tiêu chí được cộng vào xã Quốc Khánh." in told("successor", "06004")
    assert "xã Khánh Long giữ số liệu của mình đến khi báo cáo lại." in told("successor", "06007")


def test_a_unit_is_shown_with_what_it_came_out_of_by_code_or_name() -> None:
    text = told("show", "06004", "--on", "2025-07-01")
    assert "xã Quốc Khánh, tỉnh Lạng Sơn: từ 01/07/2025 ← gồm toàn bộ 06004" in text
    named = told("show", "xã Hòa Bình, huyện Văn Quan", "--on", "2023-06-30")
    assert named.count("xã Hòa Bình") == 1
    assert "→ toàn bộ nhập vào 06253 xã Văn Quan" in named


def test_a_code_that_nobody_ever_had_is_said_to_be_none() -> None:
    for command in ("successor", "show"):
        assert "Không có đơn vị nào: 99999" in told(command, "99999", status=2)
