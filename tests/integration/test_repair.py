"""`ntm audit repair` fills the stream of submissions again, whatever it has lost, beside the running services."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from sqlalchemy import text

from services.cli.migrate import prepare
from services.intake import repair as repairing
from services.intake.storage.tables import ParkedRow as IntakeParked
from services.scoring.storage.tables import ParkedRow as ScoringParked
from services.scoring.storage.tables import SubmissionRow as Scored
from shared.contracts import subjects
from shared.nats.cloud_events import MESSAGE_ID
from shared.nats.users import renew_signing
from shared.postgres.statements import table_of
from shared.reference.load import load
from tests.builders import a_posted_submission
from tests.integration.test_audit import sequence_of
from tests.running import Service, Surroundings
from tests.waiting import eventually

_STREAM = subjects.SUBMISSIONS_STREAM
_NOT_KEPT = ("traceparent", "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit")


@dataclass
class Filled:
    """A system with submissions of two districts, a review, a return and a withdrawal."""

    around: Surroundings
    intake: Service
    key: str
    ids: list[str]

    async def receipts(self) -> list[dict[str, Any]]:
        async with self.intake.client(self.key) as client:
            return [(await client.get(f"/v1/submissions/{one}")).json() for one in self.ids]

    async def statuses(self) -> list[Any]:
        async with self.around.engine.connect() as connection:
            rows = await connection.execute(text("SELECT * FROM scoring.status ORDER BY unit, criterion"))
            return [tuple(row) for row in rows]

    async def sequence(self, number: int) -> int:
        return await sequence_of(self.around, self.ids[number])

    async def all_receipts_are_as(self, before: list[dict[str, Any]]) -> None:
        async def same() -> bool:
            return await self.receipts() == before

        await eventually(same)


@pytest.mark.parametrize("table", ["review", "withdrawal"])
@pytest.mark.parametrize(
    "change",
    [
        'message = replace(message, \'"agency":"two-districts"\', \'"agency":"province"\')',
        "message = '{}', body = '{}'",
        "signature = 'unknown.' || signature",
    ],
    ids=["words", "nonsense", "signature"],
)
async def test_a_decision_that_was_changed_in_its_table_is_named_and_not_signed_anew(
    filled: Filled, table: str, change: str
) -> None:
    around = filled.around
    before = content(await log_of(around))
    await around.nats.jetstream().purge_stream(_STREAM)
    async with around.engine.begin() as connection:
        first = f"SELECT id FROM intake.{table} ORDER BY at LIMIT 1"  # noqa: S608 - of this test
        changed = f"UPDATE intake.{table} SET {change} WHERE id = ({first}) RETURNING id"  # noqa: S608 - of this test
        damaged = (await connection.execute(text(changed))).scalar_one()
    assert str(damaged) in await around.ntm("audit", "repair", status=1)
    again = content(await log_of(around))
    assert len(again) == len(before) - 1
    assert all(one in before for one in again)


async def test_decisions_that_were_kept_before_their_messages_were_are_published_again(filled: Filled) -> None:
    around = filled.around
    before = content(await log_of(around))
    await around.nats.jetstream().purge_stream(_STREAM)
    async with around.engine.begin() as connection:
        for table in ("review", "withdrawal"):
            await connection.execute(text(f"UPDATE intake.{table} SET message = NULL, signature = NULL"))  # noqa: S608
    await around.ntm("audit", "repair")
    assert content(await log_of(around)) == before


def content(messages: list[Msg]) -> list[Any]:
    """Return what has to be the same of messages: their subjects, bodies and headers, in any order of arrival."""
    return sorted(
        (
            message.subject,
            message.data,
            sorted(
                item
                for item in (message.headers or {}).items()
                if item[0] not in _NOT_KEPT and "Expected" not in item[0]
            ),
        )
        for message in messages
    )


async def log_of(around: Surroundings) -> list[Msg]:
    return [message for family in subjects.KEPT[_STREAM] for message in await around.published(family)]


@pytest.fixture
async def filled(around: Surroundings, intake: Service, scoring: Service) -> Filled:
    key = await around.key("184", "180", agency="two-districts")
    ids: list[str] = []
    async with intake.client(key) as client:

        async def post(*items: dict[str, Any], **headers: str) -> None:
            answer = await client.post("/v1/submissions", json=list(items), headers=headers)
            ids.extend(item["id"] for item in answer.json()["items"])

        await post(a_posted_submission(period="2023-03"), **{"Idempotency-Key": "march"})
        await post(*(a_posted_submission(unit=unit, period="2023-04") for unit in ("06280", "06004")))
        await post(
            a_posted_submission(period="2023-05", source_ref="một"), a_posted_submission(unit="06004"),
            **{"Idempotency-Key": "two"},
        )  # fmt: skip
        await _until(lambda: _has(client, ids[-1], status="scored"))
        reviewed = await client.post(f"/v1/submissions/{ids[0]}/review", json={"decision": "verified"})
        assert reviewed.status_code == 202, reviewed.text
        returned = {"decision": "returned", "reason": "Thiếu hộ"}
        assert (await client.post(f"/v1/submissions/{ids[1]}/review", json=returned)).status_code == 202
        withdrawn = await client.post(f"/v1/submissions/{ids[3]}/withdraw", json={"reason": "Gửi nhầm"})
        assert withdrawn.status_code == 202, withdrawn.text
        await _until(lambda: _has(client, ids[1], status="returned"))

        async def all_is_taken() -> bool:
            async with around.engine.connect() as connection:
                rows = await connection.execute(
                    text(
                        "SELECT (SELECT count(*) FROM scoring.submission), (SELECT count(*) FROM scoring.taken_back),"
                        " (SELECT count(*) FROM intake.submission), (SELECT count(*) FROM intake.withdrawal)"
                    )
                )
                return tuple(rows.one()) == (6, 2, 6, 1)

        await eventually(all_is_taken)
        # what scoring made of it comes back to intake's tables
        await eventually(lambda: around.nothing_waits_for("scoring", "intake"))
    return Filled(around, intake, key, ids)


async def _has(client: Any, submission_id: str, **facts: object) -> bool:
    answer = (await client.get(f"/v1/submissions/{submission_id}")).json()
    return all(answer.get(name) == fact for name, fact in facts.items())


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    await eventually(condition)


async def delete_the_last_of_a_commune(filled: Filled) -> None:
    await filled.around.nats.jetstream().delete_msg(_STREAM, await filled.sequence(4))


async def delete_the_first_of_a_request(filled: Filled) -> None:
    await filled.around.nats.jetstream().delete_msg(_STREAM, await filled.sequence(0))


async def delete_a_range(filled: Filled) -> None:
    for number in range(2, 8):
        await filled.around.nats.jetstream().delete_msg(_STREAM, number)


async def purge(filled: Filled) -> None:
    await filled.around.nats.jetstream().purge_stream(_STREAM)


async def delete_the_stream(filled: Filled) -> None:
    await filled.around.nats.jetstream().delete_stream(_STREAM)


async def make_the_stream_anew(filled: Filled) -> None:
    await delete_the_stream(filled)
    await prepare(filled.around.settings, None)


DAMAGES = [
    delete_the_last_of_a_commune, delete_the_first_of_a_request, delete_a_range, purge, delete_the_stream,
    make_the_stream_anew,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_what_was_lost_is_there_again_and_nothing_else_changes(
    filled: Filled, damage: Callable[[Filled], Awaitable[None]]
) -> None:
    around = filled.around
    log, receipts, statuses = await log_of(around), await filled.receipts(), await filled.statuses()
    told = await around.stored(subjects.STATUS_STREAM)
    await damage(filled)
    await around.ntm("audit", "repair")
    assert content(await log_of(around)) == content(log)
    await filled.all_receipts_are_as(receipts)
    assert await filled.statuses() == statuses
    assert await around.stored(subjects.STATUS_STREAM) == told
    # a repeated request gets the receipt that it had, another figure of the same revision is refused, a new one taken
    async with filled.intake.client(filled.key) as client:
        again = a_posted_submission(period="2023-03")
        repeated = await client.post("/v1/submissions", json=[again], headers={"Idempotency-Key": "march"})
        assert repeated.json()["items"][0]["id"] == filled.ids[0]
        other = a_posted_submission(period="2023-04", unit="06004", source_ref="other")
        other["readings"] = {**other["readings"], "poor_households": 130}
        refused = await client.post("/v1/submissions", json=other)
        assert refused.json()["errors"][0]["code"] == "revision_taken", refused.text
        taken = await client.post("/v1/submissions", json={**other, "revision": 2})
        assert taken.status_code == 202, taken.text
        await _until(lambda: _has(client, taken.json()["id"], status="scored"))
    assert "All of it agrees" in await around.ntm("audit", "verify")
    assert "lacks nothing" in await around.ntm("audit", "repair")


async def test_new_submissions_on_a_stream_that_was_made_anew_are_kept(filled: Filled) -> None:
    await make_the_stream_anew(filled)
    await filled.intake.stop()
    await filled.intake.start()
    async with filled.intake.client(filled.key) as client:
        answer = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-05"))
        new = answer.json()
        await _until(lambda: _has(client, new["id"], status="scored"))
        assert "made anew" not in await filled.around.ntm("audit", "repair")
        await _until(lambda: _has(client, new["id"], status="scored"))
    assert "All of it agrees" in await filled.around.ntm("audit", "verify")


async def test_a_damaged_message_gives_way_to_the_sound_one(filled: Filled) -> None:
    around, number = filled.around, await filled.sequence(2)
    js = around.nats.jetstream()
    sound = await js.get_msg(_STREAM, number)
    await js.delete_msg(_STREAM, number)
    forged = (sound.data or b"").replace(b'"poor_households":131', b'"poor_households":931')
    assert forged != sound.data
    await js.publish(sound.subject or "", forged, headers={MESSAGE_ID: "forged"})
    assert f"{filled.ids[2]}" in await around.ntm("audit", "repair")
    (message,) = [one for one in await around.published(sound.subject or "") if filled.ids[2].encode() in one.data]
    assert message.data == sound.data


async def test_what_was_never_scored_is_named_as_lost(filled: Filled) -> None:
    async with filled.around.engine.begin() as connection:
        await connection.execute(text("DELETE FROM scoring.submission WHERE id = :id"), {"id": UUID(filled.ids[4])})
    await delete_the_last_of_a_commune(filled)
    said = await filled.around.ntm("audit", "repair", status=1)
    assert filled.ids[4] in said
    assert "two-districts" in said


@pytest.mark.parametrize("is_scored", [True, False])
async def test_what_is_accepted_while_the_stream_is_read_is_neither_lost_nor_published_again(
    filled: Filled, scoring: Service, monkeypatch: pytest.MonkeyPatch, is_scored: bool
) -> None:
    around, note = filled.around, repairing._note_stream
    before = await around.published(subjects.ALL_SUBMISSIONS)

    async def noted_before_one_more(*arguments: Any) -> Any:
        noted = await note(*arguments)
        if not is_scored:
            await scoring.stop()
        async with filled.intake.client(filled.key) as client:
            answer = await client.post("/v1/submissions", json=a_posted_submission(period="2023-02"))
            status = "scored" if is_scored else "accepted"
            await _until(lambda: _has(client, answer.json()["id"], status=status))
        return noted

    monkeypatch.setattr(repairing, "_note_stream", noted_before_one_more)
    tables = table_of(Scored), [table_of(row) for row in (ScoringParked, IntakeParked)]
    repaired = await repairing.repair(around.engine, around.nats, *tables, load().units)
    assert (repaired.restored, repaired.lost) == ({}, [])
    ids = [json.loads(message.data)["id"] for message in await around.published(subjects.ALL_SUBMISSIONS)]
    assert len(ids) == len({*ids}) == len(before) + 1


async def test_a_forged_message_does_not_stand_for_a_lost_one(filled: Filled) -> None:
    """A forger who may publish and has no key puts a message with a lost one's id and digest in its place."""
    around, before = filled.around, content(await log_of(filled.around))
    lost = await around.nats.jetstream().get_msg(_STREAM, await filled.sequence(4))
    forged = json.loads(lost.data or b"") | {"unit_key": 1}
    await around.nats.jetstream().delete_msg(_STREAM, await filled.sequence(4))
    await around.nats.jetstream().publish(lost.subject or "", json.dumps(forged).encode(), headers={"ce-id": "x"})
    await around.ntm("audit", "repair")
    assert content(await log_of(around)) == before
    assert "Khớp hoàn toàn" in await around.ntm("audit", "verify")


async def test_what_is_published_again_has_the_signatures_that_it_had(filled: Filled) -> None:
    around, js = filled.around, filled.around.nats.jetstream()
    messages = await log_of(around)
    await js.purge_stream(_STREAM)
    await around.ntm("audit", "repair")
    again = await log_of(around)
    assert content(again) == content(messages)
    assert all("ntm-signature" in (message.headers or {}) for message in again)
    assert "Khớp hoàn toàn" in await around.ntm("audit", "verify")


async def test_a_repaired_stream_has_the_stored_signatures_and_a_row_that_was_changed_is_named(filled: Filled) -> None:
    around = filled.around
    before = content(await log_of(around))
    renew_signing(around.users, _STREAM)  # what is lost was signed by the key before
    await around.nats.jetstream().purge_stream(_STREAM)
    async with around.engine.begin() as connection:
        changed = text(
            "UPDATE scoring.submission SET body = replace(body, '\"unit_key\":', '\"unit_key\": ') WHERE id = :id"
        )
        await connection.execute(changed, {"id": filled.ids[4]})
    said = await around.ntm("audit", "repair", status=1)
    assert filled.ids[4] in said
    again = content(await log_of(around))
    submissions = [one for one in again if one[0].startswith("ntm.v1.submissions.")]
    assert len(submissions) == 5
    assert all(one in before for one in submissions)
