"""Receipts are tied to the log by id and digest: another message under their number is never taken for theirs."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from tests.builders import a_posted_submission
from tests.integration.test_audit import body_of, post, sequence_of
from tests.running import Service, Surroundings
from tests.waiting import eventually

REASON = "Gửi nhầm xã"


async def point_at(around: Surroundings, submission_id: str, sequence: int) -> None:
    """Let a receipt name a number of the stream, as if the stream had been made anew."""
    async with around.engine.begin() as connection:
        await connection.execute(
            text("UPDATE intake.submission SET sequence = :sequence WHERE id = :id"),
            {"sequence": sequence, "id": UUID(submission_id)},
        )


async def answers(around: Surroundings, intake: Service, submission_id: str) -> tuple[dict[str, Any], list[Any]]:
    """Return the receipt as shown, and the answers to those who would decide about the submission."""
    key = await around.key("184", agency="district-184")
    path = f"/v1/submissions/{submission_id}"
    async with intake.client(key) as client:
        shown = await client.get(path)
        decided = [
            await client.post(f"{path}/review", json={"decision": "verified"}),
            await client.post(f"{path}/review", json={"decision": "returned", "reason": REASON}),
            await client.post(f"{path}/withdraw", json={"reason": REASON}),
        ]
    assert shown.status_code == 200, shown.text
    return shown.json(), [(answer.status_code, answer.json()["code"]) for answer in decided]


def assert_says_so(shown: dict[str, Any], decided: list[Any], submission_id: str) -> None:
    assert shown["receipt"]["id"] == submission_id
    assert shown["submission"] is None
    assert "ntm audit verify" in shown["content_missing"]["vi"]
    assert decided == [(500, "log_differs")] * 3


async def test_another_agencys_submission_under_its_number_is_not_shown_as_its_content(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    mine, *_ = await post(around, intake, 2)
    other_key = await around.key("180", agency="district-180")
    async with intake.client(other_key) as client:
        other = (await client.post("/v1/submissions", json=a_posted_submission(unit="06004"))).json()

        async def recorded() -> bool:
            return (await client.get(f"/v1/submissions/{other['id']}")).status_code == 200

        await eventually(recorded)
    await point_at(around, mine["id"], await sequence_of(around, other["id"]))
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    assert_says_so(*await answers(around, intake, mine["id"]), mine["id"])
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before, "nothing is decided by another's figures"


async def test_other_content_under_its_own_id_is_not_taken_for_it(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    (mine,) = await post(around, intake, 1)
    subject, body = await body_of(around, mine["id"])
    forged = {**body, "readings": {**body["readings"], "poor_households": 1}}
    await point_at(around, mine["id"], await _put(around, subject, forged))
    assert_says_so(*await answers(around, intake, mine["id"]), mine["id"])


@pytest.mark.parametrize("number", [3, 4_000_000])
async def test_a_decision_or_nothing_under_its_number_is_not_taken_for_it(
    around: Surroundings, intake: Service, scoring: Service, number: int
) -> None:
    mine, other = await post(around, intake, 2)
    key = await around.key("184", agency="district-184")
    async with intake.client(key) as client:  # the third message is a withdrawal
        await client.post(f"/v1/submissions/{other['id']}/withdraw", json={"reason": REASON})
    await point_at(around, mine["id"], number)
    assert_says_so(*await answers(around, intake, mine["id"]), mine["id"])


async def _put(around: Surroundings, subject: str, body: dict[str, Any]) -> int:
    (stored,) = await publish(around.nats, [Message(subject, json.dumps(body).encode())])
    return stored.sequence
