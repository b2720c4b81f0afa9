"""`ntm rebuild` makes intake's tables again from the streams: after a dropped database, lost rows, an older copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from services.intake.storage.made_again import PROJECTED
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from tests.builders import a_posted_submission
from tests.changes import a_problem
from tests.integration.test_repair import Filled, filled
from tests.waiting import eventually

__all__ = ["filled"]


async def tables(filled: Filled) -> dict[str, list[Any]]:
    async with filled.around.engine.connect() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in await connection.execute(text(f"TABLE intake.{name}")))
            for name in PROJECTED
        }


async def refuse_and_report(filled: Filled) -> None:
    """Add a refusal and a difficulty to what the tables hold."""
    async with filled.intake.client(filled.key) as client:
        refused = await client.post("/v1/submissions", json=a_posted_submission(unit="06280", readings={"none": 1}))
        assert refused.status_code == 422
    problem = a_problem()
    subject = subjects.problem(problem.unit.code)
    await publish(filled.around.nats, [Message(subject, problem.model_dump_json().encode())])

    async def has_come() -> bool:
        rows = await tables(filled)
        return bool(rows["refusal"] and rows["problem_event"])

    await eventually(has_come)


async def lose_everything(filled: Filled) -> None:
    async with filled.around.engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(f'intake.{name}' for name in PROJECTED)}"))


async def lose_what_came_lately(filled: Filled) -> None:
    """Leave what a copy of the database from before the last two submissions and all decisions has."""
    async with filled.around.engine.begin() as connection:
        for name in ("review", "withdrawal", "change"):
            await connection.execute(text(f"TRUNCATE intake.{name}"))
        await connection.execute(text("DELETE FROM intake.submission WHERE sequence > 3"))
        await connection.execute(text("DELETE FROM intake.reading WHERE period = '2023-05' OR stage = 'verified'"))


async def damage_figures(filled: Filled) -> None:
    async with filled.around.engine.begin() as connection:
        await connection.execute(text("UPDATE intake.reading SET value = value + 1, revision = 9"))


@pytest.mark.parametrize(
    "damage", [lose_everything, lose_what_came_lately, damage_figures], ids=lambda damage: damage.__name__
)
async def test_the_tables_are_as_they_were(filled: Filled, damage: Callable[[Filled], Awaitable[None]]) -> None:
    around = filled.around
    await refuse_and_report(filled)
    before, receipts = await tables(filled), await filled.receipts()
    assert "The same" in await around.ntm("rebuild", "--verify")
    told = await around.stored(subjects.STATUS_STREAM)
    await damage(filled)
    damaged = await tables(filled)
    await around.ntm("rebuild", "--verify", status=1)
    assert await tables(filled) == damaged, "a comparison changes nothing"
    assert "made again from the streams" in await around.ntm("rebuild", status=1)
    assert await tables(filled) == before
    assert await filled.receipts() == receipts
    assert "The same" in await around.ntm("rebuild", "--verify")
    assert await around.stored(subjects.STATUS_STREAM) == told, "nobody is told anew"
    async with filled.intake.client(filled.key) as client:
        again = a_posted_submission(period="2023-03")
        repeated = await client.post("/v1/submissions", json=[again], headers={"Idempotency-Key": "march"})
        assert repeated.json()["items"][0]["id"] == filled.ids[0]
        other = a_posted_submission(period="2023-04", unit="06004", source_ref="other")
        other["readings"] = {**other["readings"], "poor_households": 130}
        refused = await client.post("/v1/submissions", json=other)
        assert refused.json()["errors"][0]["code"] == "revision_taken", refused.text


async def test_the_tables_stay_where_the_stream_lacks_what_they_hold(filled: Filled) -> None:
    around = filled.around
    before = await tables(filled)
    await around.nats.jetstream().delete_msg(subjects.SUBMISSIONS_STREAM, 2)
    assert "ntm audit repair" in await around.ntm("rebuild", status=1)
    assert await tables(filled) == before
    await around.ntm("audit", "repair")
    await eventually(lambda: _is_same(filled))


async def _is_same(filled: Filled) -> bool:
    try:
        return "The same" in await filled.around.ntm("rebuild", "--verify")
    except AssertionError:
        return False
