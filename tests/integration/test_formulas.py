"""A plan that calculates criterion 11 by another formula than its set: judged, supposed and rebuilt by it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.scoring.storage.tables import SubmissionRow
from services.scoring.update.rebuild import rebuild
from shared.reference.load import load_for
from tests.binding_plan import reference_that_binds
from tests.integration.test_change_of_year import poverty_of, targets
from tests.integration.test_scoring import count, no_target_moved, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

TODAY = date(2023, 6, 30)
COUNTS = {"households": 1000, "poor_households": 160, "near_poor_households": 0}
LEFT_OUT = {"poor_households_without_work_capacity": 40, "near_poor_households_without_work_capacity": 0}


@pytest.fixture(scope="session")
def by_variant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = reference_that_binds(tmp_path_factory.mktemp("formula"))
    plan = directory / "plans" / "lang-son-2023.yaml"
    chosen = "formulas: {ntm-11: without_capacity_left_out}\ncriteria_sets:"
    plan.write_text(plan.read_text(encoding="utf-8").replace("criteria_sets:", chosen, 1), encoding="utf-8")
    return directory


@pytest.fixture
async def scoring(around: Surroundings, by_variant: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("NTM_REFERENCE_DIR", str(by_variant))
    await around.set_day(TODAY)
    return await around.start("scoring", NTM_REFERENCE_DIR=str(by_variant))


async def supposed(around: Surroundings, scoring: Service, **question: Any) -> Any:
    async with scoring.client(await around.key("20")) as client:
        answer = await client.post("/v1/what-if", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_everything_follows_the_formula_that_the_plan_chose(
    around: Surroundings, scoring: Service, by_variant: Path
) -> None:
    await put_on_stream(
        around,
        poverty_report("2023-05", 160, TODAY, readings={**COUNTS, **LEFT_OUT}),
        poverty_report("2023-05", 160, TODAY, unit="06280", district="184", readings=COUNTS),
    )

    async def is_scored() -> bool:
        return await count(around, SubmissionRow) == 2 and await no_target_moved(around)

    await eventually(is_scored)
    border, other = await poverty_of(around, scoring), await poverty_of(around, scoring, "06280")
    (part,) = border["assessment"]["parts"]
    assert (border["status"], part["value"], part["formula"]["id"]) == ("met", 12, "without_capacity_left_out")
    assert (part["formula"]["verified"], other["status"]) == (False, "no_data")
    assert "còn thiếu: Hộ nghèo không có khả năng lao động" in other["assessment"]["reason"]["vi"]
    rate = (await targets(around, scoring))["poverty-rate", "20"]["assessment"]
    assert (rate["parts"][0]["value"], "chưa đối chiếu văn bản" in rate["reason"]["vi"]) == (12, True)

    missing = {"unit": "06280", "period": "2023-05", "readings": LEFT_OUT}
    answer = await supposed(around, scoring, submissions=[missing])
    (status,) = answer["statuses"]
    assert (status["unit"]["code"], status["before"]["status"], status["after"]["status"]) == (
        "06280",
        "no_data",
        "met",
    )

    plans = load_for(around.settings.model_copy(update={"reference_dir": by_variant}))
    report = await rebuild(around.engine, around.nats, plans, TODAY)
    assert report.differences == []
