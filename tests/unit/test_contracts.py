"""What crosses a border is written down, and readable by others than us."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.contracts import Period, subjects
from shared.contracts.schemas import FOLDER, schemas


def test_the_schemas_are_current() -> None:
    written = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert written == schemas(), "run `make schemas` and commit the result"


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2023", date(2023, 1, 1), date(2023, 12, 31)),
        ("2023-H2", date(2023, 7, 1), date(2023, 12, 31)),
        ("2023-Q1", date(2023, 1, 1), date(2023, 3, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-06-30", date(2023, 6, 30), date(2023, 6, 30)),
    ],
)
def test_a_period_knows_its_first_and_last_day(text: str, start: date, end: date) -> None:
    period = Period.parse(text)
    assert (period.start, period.end, str(period)) == (start, end, text)


@pytest.mark.parametrize(
    "text", ["2023-13", "2023-00", "2023-Q5", "2023-H3", "2023-02-30", "23", "2023-6", "2023 ", "1789", "٢٠٢٣", ""]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"period|range|month"):
        Period.parse(text)


class Carrier(BaseModel):
    period: Period


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31)))
def test_a_period_survives_json(day: date) -> None:
    carrier = Carrier(period=Period.parse(day.isoformat()))
    assert Carrier.model_validate_json(carrier.model_dump_json()) == carrier


def test_a_unit_without_district_has_a_dash_in_its_subject() -> None:
    assert subjects.submission(None, "06280") == "ntm.v1.submissions.-.06280"
    assert subjects.status("184", "06280", "ntm-11") == "ntm.v1.status.184.06280.ntm-11"
