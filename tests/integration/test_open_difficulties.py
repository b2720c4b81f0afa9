"""Difficulties that nobody has closed: scoring lists them for the board, and the monthly report names them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import docx

from tests.integration.test_difficulties import answer, report
from tests.integration.test_rebuild import scored
from tests.running import Service, Surroundings


async def listed(scoring: Service, key: str, **query: Any) -> Any:
    async with scoring.client(key) as client:
        found = await client.get("/v1/difficulties", params=query)
    return found.json() if found.status_code == 200 else found.status_code


async def test_open_difficulties_are_listed_those_without_an_answer_first(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    district, office, other = (
        await around.key("184"),
        await around.key("20", agency="division"),
        await around.key("180"),
    )
    assert await listed(scoring, office) == {"items": [], "open": 0, "unanswered": 0, "sample": False}
    answered, closed, waits = [
        await report(intake, district, unit=unit, words=words)
        for unit, words in (("06280", "Thiếu kinh phí."), ("06283", "Thiếu người."), ("06286", "Thiếu hướng dẫn."))
    ]
    for problem, closes in ((answered, False), (closed, True)):
        said = await answer(intake, office, problem["id"], "Đã rõ.", closes=closes)
        assert said.status_code == 202, said.text

    page = await listed(scoring, office)
    assert [one["id"] for one in page["items"]] == [waits["id"], answered["id"]]
    assert (page["open"], page["unanswered"]) == (2, 1)
    first, second = page["items"]
    assert (first["unit"]["code"], first["answered_at"], first["words"]) == ("06286", None, "Thiếu hướng dẫn.")
    assert second["answered_at"] is not None
    assert await listed(scoring, district) == page
    assert (await listed(scoring, office, unit="06280"))["open"] == 1
    assert len((await listed(scoring, office, limit=1))["items"]) == 1
    assert (await listed(scoring, other))["open"] == 0, "a district sees no other's"
    assert await listed(scoring, other, unit="06280") == 403
    assert await listed(scoring, office, unit="99999") in (404, 422)


async def test_the_monthly_report_names_the_open_difficulties(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    office = await around.key("20", agency="division")
    async with intake.client(await around.key("184")) as client:
        figures = {"households": 1204, "poor_households": 240, "near_poor_households": 88}
        sent = await client.post("/v1/submissions", json={"unit": "06280", "period": "2023-06", "readings": figures})
        assert sent.status_code == 202, sent.text
    await report(intake, await around.key("184"), unit="06280", words="Chưa bố trí kinh phí.")
    await scored(around, 1)  # a month without figures has a report without difficulties

    async def written(month: str) -> str:
        async with scoring.client(office) as client:
            answer = await client.get(f"/v1/reports/{month}.docx")
        assert answer.status_code == 200, answer.text
        return "\n".join(paragraph.text for paragraph in docx.Document(BytesIO(answer.content)).paragraphs)

    said = await written("2023-06")
    assert "Chưa bố trí kinh phí; chưa được trả lời." in said
    assert "Còn 1 phản ánh chưa được trả lời." in said
    assert "kinh phí" not in await written("2023-05")
