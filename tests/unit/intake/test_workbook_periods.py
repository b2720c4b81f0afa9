"""Periods as people write them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.workbook import read_period
from shared.contracts.bilingual import Language
from shared.contracts.period import Period
from shared.text import period_name


@pytest.mark.parametrize(
    ("written", "period"),
    [
        ("30/6/2023", "2023-06-30"),
        ("30-06-2023", "2023-06-30"),
        ("30.6.2023", "2023-06-30"),
        ("ngày 30/6/2023", "2023-06-30"),
        ("ngày 30 tháng 6 năm 2023", "2023-06-30"),
        ("2023-06-30", "2023-06-30"),
        ("2023/6/30", "2023-06-30"),
        ("6/2023", "2023-06"),
        ("06-2023", "2023-06"),
        ("tháng 6/2023", "2023-06"),
        ("Tháng 06 năm 2023", "2023-06"),
        ("T6/2023", "2023-06"),
        ("2023-06", "2023-06"),
        ("2023/06", "2023-06"),
        ("quý II/2023", "2023-Q2"),
        ("Quý 2 năm 2023", "2023-Q2"),
        ("Q2 2023", "2023-Q2"),
        ("Q.II/2023", "2023-Q2"),
        ("2023-Q2", "2023-Q2"),
        ("6 tháng đầu năm 2023", "2023-H1"),
        ("sáu tháng cuối năm 2023", "2023-H2"),
        ("H1 2023", "2023-H1"),
        ("năm 2023", "2023"),
        ("cả năm 2023", "2023"),
        ("  2023 ", "2023"),
        ("2023.0", "2023"),
        ("2023.06", "2023-06"),
        ("\uff12\uff10\uff12\uff13", "2023"),
        ("Quý \u2161/2023", "2023-Q2"),
        ("6\u20132023", "2023-06"),
        ("'6/2023", "2023-06"),
        ("Tháng VI/2023", "2023-06"),
        ("tháng sáu năm 2023", "2023-06"),
        ("tháng năm năm 2023", "2023-05"),
        ("tháng mười hai/2023", "2023-12"),
        ("Tháng 6, năm 2023", "2023-06"),
        ("tháng 6/23", "2023-06"),
        ("T6/23", "2023-06"),
        ("Q2/23", "2023-Q2"),
        ("quý tư năm 2023", "2023-Q4"),
        ("6T đầu năm 2023", "2023-H1"),
        ("2023-06-30 00:00:00", "2023-06-30"),
        ("2023-06-30T00:00:00", "2023-06-30"),
    ],
)
def test_periods_are_read_as_people_write_them(written: str, period: str) -> None:
    assert read_period(written) == Period.parse(period)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "hôm nay",
        "31/6/2023",
        "6/30/2023",
        "30/6/23",
        "0/2023",
        "13/2023",
        "quý V/2023",
        "Q5 2023",
        "1889",
        "6-2023-30",
        "2023.1",
        "6/23",
        "VI/2023",
        "hằng tháng năm 2023",
        "2023-06-30 10:30:00",
    ],
)
def test_what_names_no_period_is_none(written: str) -> None:
    assert read_period(written) is None


_DAYS = st.integers(0, 365 * 100).map(lambda days: date(1995, 1, 1) + timedelta(days=days))
_PERIODS = st.one_of(
    _DAYS.map(lambda day: f"{day.year}"),
    _DAYS.map(lambda day: f"{day.year}-H{1 + day.month // 7}"),
    _DAYS.map(lambda day: f"{day.year}-Q{(day.month + 2) // 3}"),
    _DAYS.map(lambda day: f"{day:%Y-%m}"),
    _DAYS.map(lambda day: f"{day:%Y-%m-%d}"),
).map(Period.parse)


@given(_PERIODS, st.sampled_from(["vi", "en"]))
def test_every_period_as_we_name_it_is_read_back(period: Period, language: Language) -> None:
    assert read_period(period_name(period, language)) == period
    assert read_period(str(period)) == period


@given(st.text(max_size=80))
def test_any_text_is_read_or_not_but_never_breaks_anything(text: str) -> None:
    read_period(text)
