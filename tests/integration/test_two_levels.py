"""An element that a district and its commune both count is added once, in any order, and the words say which counts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from services.scoring.storage.tables import SubmissionRow
from services.scoring.update.rebuild import rebuild
from shared.contracts.submission import AcceptedSubmission
from shared.nats.publishing import publish
from shared.reference.load import follow_each_other, load
from tests.builders import as_published
from tests.integration.test_scoring import BORDER, count, no_target_moved, poverty_report
from tests.integration.test_withdrawals import a_withdrawal, settled
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

DISTRICT = "180"


def jobs(unit: str, number: int, period: str = "2023-05", **changes: Any) -> AcceptedSubmission:
    return poverty_report(period, 0, unit=unit, readings={"jobs_found": number}, **changes)


async def sums(around: Surroundings) -> dict[str, int]:
    """Return the sum of the province's and the district's new jobs, by the code of the unit."""
    units = {unit.key: unit.code for unit in load().units}
    query = text("SELECT unit, sum(numerator) AS total FROM scoring.step WHERE commitment = 'new-jobs' GROUP BY unit")
    async with around.engine.connect() as connection:
        return {units[row.unit]: int(row.total) for row in await connection.execute(query)}


async def scored(around: Surroundings, *submissions: AcceptedSubmission) -> None:
    before = await count(around, SubmissionRow)
    await publish(around.nats, [as_published(one) for one in submissions])

    async def is_scored() -> bool:
        return await count(around, SubmissionRow) == before + len(submissions) and await no_target_moved(around)

    await eventually(is_scored)


@pytest.mark.parametrize("first", [DISTRICT, BORDER])
async def test_the_districts_figure_counts_and_its_communes_are_not_added(
    around: Surroundings, scoring: Service, first: str
) -> None:
    of_district, of_commune = jobs(DISTRICT, 12), jobs(BORDER, 10)
    apart = jobs(BORDER, 3, "2023-04")
    await scored(around, apart)
    for one in (of_district, of_commune) if first == DISTRICT else (of_commune, of_district):
        await scored(around, one)
    assert set((await sums(around)).values()) == {15}
    assert (await rebuild(around.engine, around.nats, follow_each_other([load()]), START)).differences == []

    await publish(around.nats, [a_withdrawal(of_district)])
    await settled(around, 3, 1)
    assert set((await sums(around)).values()) == {13}
    assert (await rebuild(around.engine, around.nats, follow_each_other([load()]), START)).differences == []


async def test_a_correction_of_the_district_moves_the_sum_by_itself_alone(
    around: Surroundings, scoring: Service
) -> None:
    await scored(around, jobs(BORDER, 10), jobs("06001", 4), jobs(DISTRICT, 12))
    await scored(around, jobs(DISTRICT, 20, revision=2), jobs(BORDER, 11, revision=2))
    assert set((await sums(around)).values()) == {20}
    assert (await rebuild(around.engine, around.nats, follow_each_other([load()]), START)).differences == []


async def test_intake_refuses_the_communes_figure_and_remarks_on_the_districts(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    office = await shared_around.key(DISTRICT, agency="district")

    async def post(unit: str, period: str, number: int) -> Any:
        async with shared_intake.client(office) as client:
            item = {"unit": unit, "period": period, "readings": {"jobs_found": number}}
            answer = await client.post("/v1/submissions", json=item)
        return answer.status_code, answer.json()

    status, receipt = await post(DISTRICT, "2023-05", 12)
    assert (status, receipt["warnings"]) == (202, [])

    async def is_projected() -> bool:
        async with shared_around.engine.connect() as connection:
            return bool(await connection.scalar(text("SELECT count(*) FROM intake.reading WHERE period = '2023-05'")))

    await eventually(is_projected)
    status, problem = await post(BORDER, "2023-05", 10)
    assert (status, problem["errors"][0]["code"]) == (422, "counted_at_other_level")
    assert "toàn huyện" in problem["errors"][0]["detail"]

    async with shared_intake.client(office) as client:
        items = [{"unit": unit, "period": "2023-04", "readings": {"jobs_found": 10}} for unit in (BORDER, DISTRICT)]
        answers = (await client.post("/v1/submissions", json=items)).json()["items"]
    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
    assert [warning["code"] for warning in answers[1]["warnings"]] == ["counted_by_communes"]
    assert BORDER in answers[1]["warnings"][0]["detail"]["vi"]


async def test_the_figures_of_several_districts_go_out_together_with_others_of_their_communes(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    """The first message that the other level matters to speaks for its district, wherever it stands in the batch."""
    province = await shared_around.key("20", agency="province")
    counts = [("06280", "jobs_found"), ("06283", "jobs_found"), ("184", "jobs_found"), ("180", "jobs_found")]
    children = [("06280", "children_six"), ("06286", "children_six"), (BORDER, "children_six")]
    items = [
        {"unit": unit, "period": period, "readings": {element: 10}, "confirmed": True}
        for period in ("2022-03", "2022-04", "2022-05")
        for unit, element in (*children[:1], *counts, *children[1:])
    ]
    async with shared_intake.client(province) as client:
        answers = (await client.post("/v1/submissions", json=items)).json()["items"]
        again = (await client.post("/v1/submissions", json=items)).json()["items"]
    assert {answer["status"] for answer in answers} == {"accepted"}
    assert [answer["id"] for answer in again] == [answer["id"] for answer in answers]
    warned = [answer["warnings"][0]["code"] for answer in answers if answer.get("warnings")]
    assert warned == ["counted_by_communes"] * 3
