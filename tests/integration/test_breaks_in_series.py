"""A new poverty line that begins with a year: what it alone turns is no alarm, what happens after it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.scoring.storage.tables import SubmissionRow
from shared.reference.load import Plans, load_for
from tests.integration.test_change_of_year import come_to, poverty_of, rebuilt, targets
from tests.integration.test_scoring import BORDER, changes, count, no_target_moved, poverty_report, put_on_stream
from tests.plan_2024 import reference_with_2024
from tests.running import Service, Surroundings
from tests.waiting import eventually

UNBOUND = {"unit": "06280", "district": "184"}
"""A commune that no cohort binds to criterion 11 of the first set."""


@pytest.fixture(scope="session")
def new_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the data of two years, with the break at their New Year."""
    directory = reference_with_2024(tmp_path_factory.mktemp("new-line"))
    elements = directory / "elements.yaml"
    text = elements.read_text(encoding="utf-8")
    assert "valid_from: 2027-01-01" in text
    elements.write_text(text.replace("valid_from: 2027-01-01", "valid_from: 2024-01-01"), encoding="utf-8")
    return directory


@pytest.fixture
def plans(around: Surroundings, new_line: Path) -> Plans:
    return load_for(around.settings.model_copy(update={"reference_dir": new_line}))


@pytest.fixture
async def scoring(around: Surroundings, new_line: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("NTM_REFERENCE_DIR", str(new_line))
    await around.set_day(date(2023, 12, 20))
    return await around.start("scoring", NTM_REFERENCE_DIR=str(new_line))


async def scored(around: Surroundings, submissions: int) -> None:
    async def is_scored() -> bool:
        return await count(around, SubmissionRow) == submissions and await no_target_moved(around)

    await eventually(is_scored)


async def test_a_plan_begins_together_with_a_new_poverty_line(
    around: Surroundings, scoring: Service, plans: Plans
) -> None:
    december = date(2023, 12, 20)
    await put_on_stream(
        around,
        poverty_report("2023-11", 100, december),
        poverty_report("2023-12", 100, december),
        poverty_report("2023-12", 100, december, **UNBOUND),
    )
    await scored(around, 3)
    await come_to(around, scoring, date(2024, 1, 1))
    assert (await poverty_of(around, scoring))["status"] == "met", "the figures by the old line stand as yet"
    before = len(await changes(around))

    # the first figures by the new line turn both communes: nothing is lost, and nobody has fallen behind
    february = date(2024, 2, 3)
    await come_to(around, scoring, february)
    await put_on_stream(
        around, poverty_report("2024-01", 300, february), poverty_report("2024-01", 300, february, **UNBOUND)
    )
    await scored(around, 5)
    border = await poverty_of(around, scoring)
    part = border["assessment"]["parts"][0]
    assert (border["status"], part["value"], part["baseline"], part["baseline_on"]) == (
        "on_track",
        30,
        30,
        "2024-02-03",
    )
    assert "từ 01/01/2024 tính theo chuẩn nghèo mới" in border["assessment"]["reason"]["vi"]
    assert part["break_in_series"]["valid_from"] == "2024-01-01"
    turned = [one for one in (await changes(around))[before:] if one["submission"]]
    assert {
        (one["unit"]["code"], one["event"], one["cause"], one["after"]) for one in turned if one["before"] == "met"
    } == {
        (BORDER, "changed", "rules", "on_track"),
        ("06280", "changed", "rules", "not_met"),
    }
    await rebuilt(around, plans, february)

    # what moves within the new line is news again
    march = date(2024, 3, 3)
    await come_to(around, scoring, march)
    told = len(await changes(around))
    await put_on_stream(around, poverty_report("2024-02", 400, march), poverty_report("2024-02", 90, march, **UNBOUND))
    await scored(around, 7)
    news = (await changes(around))[told:]
    assert {(one["unit"]["code"], one["event"], one["cause"]) for one in news if one["before"] != one["after"]} == {
        (BORDER, "fell_behind", "figure"),
        ("06280", "met", "figure"),
    }
    rate = (await targets(around, scoring))["poverty-rate", "20"]["assessment"]
    assert rate["parts"][0]["denominator"] == 2000, "of the two communes by the new line alone"
    assert "tính theo chuẩn nghèo mới" in rate["reason"]["vi"]
    assert (await poverty_of(around, scoring, as_of="2024-01-31"))["status"] == "met"
    await rebuilt(around, plans, march, switch=True)
    assert await changes(around) == (await changes(around))[: told + len(news)], "a rebuild turns nothing"
