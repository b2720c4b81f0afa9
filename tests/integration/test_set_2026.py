"""A criteria set and a plan for 2026 that are added as files alone run through the real intake and scoring."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.reference.load import Reference, load
from tests.running import Service, Surroundings
from tests.set_2026 import PLAN, reference_with_2026
from tests.waiting import eventually

TODAY = date(2026, 6, 30)
FIRST, SECOND, THIRD = "06001", "06004", "06058"
"""One commune of each group of the set."""


class Line:
    """Intake and scoring on the set's reference data, with a key for the province."""

    def __init__(self, reference: Reference, intake: Service, scoring: Service, key: str) -> None:
        self.reference, self.intake, self.scoring, self.key = reference, intake, scoring, key

    async def post(self, *submissions: dict[str, Any], key: str | None = None) -> list[dict[str, Any]]:
        """Post the submissions; return the answers."""
        async with self.intake.client(key or self.key) as client:
            answer = await client.post("/v1/submissions", json=list(submissions))
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def get(self, path: str, **query: str) -> Any:
        """Return scoring's answer to a request."""
        async with self.scoring.client(self.key) as client:
            answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def recognition(self, code: str, **query: str) -> dict[str, Any]:
        """Return the commune's recognition by the set."""
        (found,) = (await self.get(f"/v1/communes/{code}", **query))["recognitions"]
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
async def line(shared_around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Line:
    directory = reference_with_2026(tmp_path_factory.mktemp("set"))
    await shared_around.set_day(TODAY)
    on_set = {"NTM_REFERENCE_DIR": str(directory), "NTM_PLAN": PLAN}
    intake = await shared_around.start("intake", **on_set)
    scoring = await shared_around.start("scoring", **on_set)
    return Line(load(PLAN, directory), intake, scoring, await shared_around.key("20"))


def a_decision(code: str, day: str, recognised: bool, **changes: Any) -> dict[str, Any]:
    readings = {"ntm_2026_recognised": recognised}
    return {"unit": code, "period": day, "stage": "confirmed", "readings": readings, **changes}


async def test_communes_below_the_province_are_judged_by_their_groups_goals_and_counted_together(line: Line) -> None:
    counts = {"households": 1000, "poor_households": 80, "near_poor_households": 40}
    communes = line.reference.units.communes(TODAY, "20")
    answers = await line.post(*({"unit": unit.code, "period": "2026-05", "readings": counts} for unit in communes))
    assert len(answers) == 61
    assert {answer["status"] for answer in answers} == {"accepted"}

    async def province() -> Any:
        (target,) = (await line.get("/v1/targets"))["items"]
        (part,) = target["assessment"]["parts"]
        return part if part["units_counted"] == 61 else None

    part = await eventually(province)
    assert (part["value"], part["goal"]) == (59, 40)

    for code, goal, status in ((FIRST, 5, "not_met"), (SECOND, 10, "not_met"), (THIRD, 15, "met")):
        shown = await line.get(f"/v1/communes/{code}")
        poverty = next(item for item in shown["statuses"] if item["criterion"]["key"] == "ntm_2026-1")
        assert (poverty["status"], poverty["assessment"]["parts"][0]["goal"]) == (status, goal)
        assert shown["district"] is None


async def test_a_decision_recognises_a_commune_and_another_withdraws_it(line: Line) -> None:
    assert (await line.recognition(SECOND))["state"] == "none"
    (answer,) = await line.post(a_decision(SECOND, "2026-03-20", True))
    assert answer["status"] == "accepted"

    async def state(wanted: str) -> Any:
        found = await line.recognition(SECOND)
        return found if found["state"] == wanted else None

    recognised = await eventually(lambda: state("recognised"))
    assert (recognised["since"], recognised["submission"]) == ("2026-03-20", answer["id"])
    assert (recognised["criteria_set"], recognised["criteria"], recognised["verified"]) == ("ntm_2026", 10, False)
    assert (await line.recognition(SECOND, as_of="2026-06-29"))["state"] == "none", "nobody had told of it by then"
    assert (await line.recognition(SECOND, as_of="2026-06-30"))["state"] == "recognised"

    listed = await line.get("/v1/recognitions", state="recognised", set="ntm_2026")
    assert [item["unit"]["code"] for item in listed["items"]] == [SECOND]
    assert listed["items"][0]["recognition"] == recognised

    await line.post(a_decision(SECOND, "2026-06-15", False))
    withdrawn = await eventually(lambda: state("withdrawn"))
    assert withdrawn["since"] == "2026-06-15"
    assert (await line.get("/v1/recognitions", state="recognised"))["items"] == []


async def test_recognitions_come_page_by_page(line: Line) -> None:
    codes: list[str] = []
    query = {"limit": "25"}
    while True:
        page = await line.get("/v1/recognitions", **query)
        codes += [item["unit"]["code"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert codes == [unit.code for unit in line.reference.units.communes(TODAY, "20")]


async def test_a_decision_comes_from_who_answers_for_all_criteria(line: Line, shared_around: Surroundings) -> None:
    sector = await shared_around.key("20", criteria=("ntm_2026-1",), agency="sector")
    (answer,) = await line.post(a_decision(THIRD, "2026-03-20", True), key=sector)
    assert (answer["status"], answer["problem"]["errors"][0]["code"]) == ("refused", "outside_criteria")


async def test_a_set_that_the_plan_does_not_speak_of_has_no_recognitions(line: Line) -> None:
    async with line.scoring.client(line.key) as client:
        answer = await client.get("/v1/recognitions", params={"set": "ntm"})
    assert answer.status_code == 400
    assert "ntm_2026" in answer.text
