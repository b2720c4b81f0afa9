"""Services notice a database or a stream that is older than the other, and answer nothing wrong meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy import text

from services.cli.migrate import prepare
from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.integration.test_rebuild_intake import lose_everything, lose_what_came_lately, refuse_and_report
from tests.integration.test_repair import Filled, filled, make_the_stream_anew
from tests.running import Service
from tests.waiting import eventually

__all__ = ["filled"]


async def drop(filled: Filled, schema: str) -> None:
    async with filled.around.engine.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    await prepare(filled.around.settings, None)


async def drop_intake(filled: Filled) -> None:
    await drop(filled, "intake")


async def said_when_not_ready(service: Service) -> str:
    """Return the words with which a service that was begun says why it is not ready."""
    words: list[str] = []

    async def says_why() -> bool:
        async with service.client() as client:
            try:
                answer = await client.get("/readyz", headers={"Accept-Language": "en"})
            except httpx.HTTPError:
                return False
        words.append(answer.json().get("detail") or "")
        return answer.status_code == 503 and "ntm rebuild" in words[-1]

    await eventually(says_why)
    return words[-1]


@pytest.mark.parametrize(
    "damage", [lose_everything, lose_what_came_lately, drop_intake], ids=lambda damage: damage.__name__
)
async def test_intake_answers_nothing_until_its_tables_are_made_again(
    filled: Filled, damage: Callable[[Filled], Awaitable[None]]
) -> None:
    around, intake = filled.around, filled.intake
    await refuse_and_report(filled)
    receipts = await filled.receipts()
    stored = await around.stored(subjects.SUBMISSIONS_STREAM)
    await intake.stop()
    await damage(filled)
    await intake.spawn()
    assert "SUBMISSIONS" in await said_when_not_ready(intake)
    async with intake.client(filled.key) as client:
        receipt = await client.get(f"/v1/submissions/{filled.ids[-1]}")
        assert receipt.status_code == 503, "no 404 for a receipt that was given"
        again = await client.post(
            "/v1/submissions", json=[a_posted_submission(period="2023-03")], headers={"Idempotency-Key": "march"}
        )
        assert again.status_code == 503, "a repeated request is not taken anew"
        assert "ntm rebuild" in again.json()["detail"]
    await around.ntm("rebuild", status=1)
    await eventually(intake.is_ready)
    assert await filled.receipts() == receipts
    async with intake.client(filled.key) as client:
        taken = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-05"))
        assert taken.status_code == 202, taken.text
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == stored + 1


async def test_scoring_judges_nothing_until_its_state_is_made_again(filled: Filled, scoring: Service) -> None:
    around, statuses = filled.around, await filled.statuses()
    await scoring.stop()
    await drop(filled, "scoring")
    await scoring.spawn()
    await said_when_not_ready(scoring)
    async with filled.intake.client(filled.key) as client:
        taken = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-05"))
        assert taken.status_code == 202, "intake goes on"
    async with scoring.client(filled.key) as client:
        assert (await client.get("/v1/statuses?unit=184")).status_code == 503
    await around.ntm("rebuild", status=1)
    await eventually(scoring.is_ready)

    async def are_there() -> bool:
        return len(await filled.statuses()) > len(statuses)

    await eventually(are_there)
    units = {row[0] for row in statuses}
    assert [row[:3] for row in await filled.statuses() if row[0] in units] == [row[:3] for row in statuses]


async def test_a_stream_that_lacks_messages_is_named(filled: Filled) -> None:
    assert await filled.intake.fact("streams_that_lack_messages") is None
    await filled.intake.stop()
    await make_the_stream_anew(filled)
    await filled.intake.start()
    assert await filled.intake.fact("streams_that_lack_messages") == ["SUBMISSIONS"]
    assert "ntm audit repair" in filled.intake.log.read_text()
    async with filled.intake.client() as client:
        assert (await client.get("/readyz")).json()["streams_that_lack_messages"] == ["SUBMISSIONS"]
    await filled.around.ntm("audit", "repair")
    await filled.intake.stop()
    await filled.intake.start()
    assert await filled.intake.fact("streams_that_lack_messages") is None
