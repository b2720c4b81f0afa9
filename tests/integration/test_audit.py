"""`ntm audit` compares the log with the receipts and with scoring's copy, and makes the digest of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.intake.admission.digest import digest_of
from services.intake.storage.receipts import find, submission
from shared.contracts import subjects
from shared.contracts.submission import Submission
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings, ntm
from tests.waiting import eventually


@pytest.fixture
def data(around: Surroundings, tmp_path: Path) -> Path:
    """The directory through which the program finds the parts."""
    around.as_running_system().write(tmp_path)
    return tmp_path


async def verify(data: Path, status: int) -> list[str]:
    """Run `ntm audit verify`; return the lines of its output."""
    return (await ntm("audit", "verify", "--data", str(data), status=status)).splitlines()


def submissions(number: int) -> str:
    return f"{number} lượt gửi số liệu trong nhật ký / {number} submissions in the log"


async def post(around: Surroundings, intake: Service, count: int = 5) -> list[dict[str, Any]]:
    """Post submissions of a district and wait until they are scored; return their receipts."""
    key = await around.key("184", agency="district-184")
    items = [a_posted_submission(source_ref=f"audited {number}") for number in range(count)]
    async with intake.client(key) as client:
        answer = (await client.post("/v1/submissions", json=items)).json()
        last = answer["items"][-1]["id"]

        async def scored() -> bool:
            return bool((await client.get(f"/v1/submissions/{last}")).json()["status"] == "scored")

        await eventually(scored)
    receipts: list[dict[str, Any]] = answer["items"]
    return receipts


async def sequence_of(around: Surroundings, submission_id: str) -> int:
    async with around.engine.connect() as connection:
        row = await find(connection, UUID(submission_id))
    assert row
    return int(row.sequence)


async def body_of(around: Surroundings, submission_id: str) -> tuple[str, dict[str, Any]]:
    js = around.nats.jetstream()
    message = await js.get_msg(subjects.SUBMISSIONS_STREAM, await sequence_of(around, submission_id))
    return message.subject or "", json.loads(message.data or b"")


async def test_a_sound_system_passes(around: Surroundings, intake: Service, scoring: Service, data: Path) -> None:
    assert (await verify(data, 0))[0] == submissions(0)
    await post(around, intake, 700)
    assert await verify(data, 0) == [
        submissions(700),
        "Khớp hoàn toàn. / All of it agrees.",
    ]


async def test_what_the_log_has_lost_is_named(
    around: Surroundings, intake: Service, scoring: Service, data: Path
) -> None:
    receipts = await post(around, intake)
    lost = receipts[2]["id"]
    await around.nats.jetstream().delete_msg(subjects.SUBMISSIONS_STREAM, await sequence_of(around, lost))
    assert await verify(data, 1) == [
        submissions(4),
        *(
            f"mất: {lost} có trong {table}, không có (hoặc khác) trong nhật ký"
            f" / lost: {lost} is in {table}, not (so) in the log"
            for table in ("intake.submission", "scoring.submission")
        ),
    ]


async def test_content_that_does_not_have_its_digest_is_named_as_damaged(
    around: Surroundings, intake: Service, scoring: Service, data: Path
) -> None:
    receipts = await post(around, intake)
    subject, body = await body_of(around, receipts[0]["id"])
    forged = {**body, "id": str(uuid4()), "readings": {**body["readings"], "poor_households": 1}}
    twin = {**body, "revision": 2, "digest": digest_of(Submission.model_validate(a_posted_submission(revision=9)))}
    await publish(around.nats, [Message(subject, json.dumps(forged).encode())])
    await publish(around.nats, [Message(subject, json.dumps(twin).encode())])
    await publish(around.nats, [Message(subject, b"no submission")])
    lines = await verify(data, 1)
    assert lines[0] == submissions(8)
    assert [line.split(" / ")[1] for line in lines[1:5]] == [
        f"damaged: message 6 {forged['id']}: other content than its digest",
        f"damaged: message 7 {body['id']}: other content than its digest",
        f"damaged: message 8 {subject}: cannot be read",
        f"damaged: message {body['id']}: stands in the log twice, with different content",
    ]


async def test_what_a_table_lacks_is_named_as_unrecorded(
    around: Surroundings, intake: Service, scoring: Service, data: Path
) -> None:
    receipts = await post(around, intake)
    lacking = receipts[1]["id"]
    async with around.engine.begin() as connection:
        await connection.execute(submission.delete().where(submission.c.id == UUID(lacking)))
    assert f"unrecorded: {lacking} is in the log, not in intake.submission" in "\n".join(await verify(data, 1))


async def test_decisions_in_the_same_stream_are_no_submissions(
    around: Surroundings, intake: Service, scoring: Service, data: Path
) -> None:
    (receipt,) = await post(around, intake, 1)
    key = await around.key("184", agency="district-184")
    async with intake.client(key) as client:
        reviewed = await client.post(f"/v1/submissions/{receipt['id']}/review", json={"decision": "verified"})
        assert reviewed.status_code == 202
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 3
    assert (await verify(data, 0))[0] == submissions(2)


async def test_a_digest_proves_what_was_sent(
    around: Surroundings, intake: Service, scoring: Service, tmp_path: Path
) -> None:
    receipts = await post(around, intake, 2)
    file = tmp_path / "sent.json"
    file.write_text(json.dumps([a_posted_submission(source_ref=f"audited {number}") for number in range(2)]))
    lines = (await ntm("audit", "digest", str(file), status=0)).splitlines()
    assert lines == [f"{receipt['digest']}  06280 2023-06" for receipt in receipts]
    file.write_text(json.dumps(a_posted_submission(source_ref="audited 1", stage="reported", revision=1)))
    assert (await ntm("audit", "digest", str(file), status=0)).split()[0] == receipts[1]["digest"]
    earlier = (await ntm("audit", "digest", str(file), "--earlier", status=0)).split()[0]
    assert f"jcs:{earlier}" == receipts[1]["digest"]  # figures that both rules write alike


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff", b'{"unit": "06280"}', b"17"], ids=lambda content: repr(content[:9])
)
async def test_a_file_that_is_no_submission_has_no_digest(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wrong.json"
    file.write_bytes(content)
    assert "wrong.json" in await ntm("audit", "digest", str(file), status=1)
