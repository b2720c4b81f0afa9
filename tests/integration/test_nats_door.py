"""Submissions by NATS request, for which intake has the same rules, keys and receipts as over HTTP."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from services.intake.doors.nats import STATUS_HEADER
from shared.access.agency_keys import revoke_keys
from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings
from tests.servers import PostgresServer
from tests.waiting import eventually


async def ask(around: Surroundings, key: str | None, content: Any, **headers: str) -> Msg:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    return await around.nats.request(subjects.SUBMIT, body, timeout=20, headers=sent or None)


def status(reply: Msg) -> int:
    assert reply.headers
    return int(reply.headers[STATUS_HEADER])


async def post(service: Service, key: str, content: Any, **headers: str) -> Any:
    async with service.client(key) as client:
        return (await client.post("/v1/submissions", json=content, headers=headers)).json()


async def test_a_request_gets_the_receipt_that_http_gives(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    item = a_posted_submission(source_ref="by request")
    reply = await ask(shared_around, key, item)
    assert status(reply) == 202
    assert (reply.headers or {})["content-type"] == "application/json"
    receipt = json.loads(reply.data)
    assert receipt["status"] == "accepted"
    message = await shared_around.nats.jetstream().get_last_msg(
        subjects.SUBMISSIONS_STREAM, "ntm.v1.submissions.184.06280"
    )
    assert json.loads(message.data or b"")["id"] == receipt["id"]
    assert await post(shared_intake, key, item) == receipt


async def test_an_array_gets_an_answer_for_each(shared_around: Surroundings, shared_intake: Service, key: str) -> None:
    items = [a_posted_submission(source_ref="one of two"), a_posted_submission(unit="06004")]
    reply = await ask(shared_around, key, items)
    assert status(reply) == 202
    answer = json.loads(reply.data)
    assert [item["status"] for item in answer["items"]] == ["accepted", "refused"]
    assert answer["items"][1]["problem"]["code"] == "out_of_scope"


@pytest.mark.parametrize(
    ("content", "wanted", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"\x00\xff\xfe\x80 garbage", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[]", 422, "refused"),
        (b"17", 422, "refused"),
        (a_posted_submission(unit="99999"), 422, "refused"),
        (a_posted_submission(unit="06004"), 403, "out_of_scope"),
        ([a_posted_submission()] * 1001, 413, "too_many_items"),
    ],
    ids=repr,
)
async def test_what_cannot_be_taken_gets_the_problem_that_http_gives(
    shared_around: Surroundings, shared_intake: Service, key: str, content: Any, wanted: int, code: str
) -> None:
    reply = await ask(shared_around, key, content, Accept_Language="en")
    document = json.loads(reply.data)
    assert (status(reply), document["code"]) == (wanted, code)
    assert (reply.headers or {})["content-type"] == "application/problem+json"
    assert document["title"].isascii()


async def test_a_refusal_over_nats_is_recorded_like_any_other(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    wrong = a_posted_submission(readings={"households": -1})
    document = json.loads((await ask(shared_around, key, wrong)).data)
    async with shared_intake.client(key) as client:
        found = (await client.get(document["instance"])).json()
    assert (found["status"], found["submission"]) == ("refused", wrong)


async def test_without_a_right_key_nothing_is_taken(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    for wrong, code in ((None, "no_key"), ("nonsense", "wrong_key"), (key[:-1], "wrong_key"), ("", "no_key")):
        reply = await ask(shared_around, wrong, a_posted_submission(source_ref="nobody's"))
        assert (status(reply), json.loads(reply.data)["code"]) == (401, code)
    revoked = await shared_around.key("184", agency="revoked")
    await revoke_keys(shared_around.engine, "revoked")
    assert status(await ask(shared_around, revoked, a_posted_submission())) == 401
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_a_request_key_means_the_same_at_both_doors(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    items = [a_posted_submission(source_ref="both"), a_posted_submission(source_ref="doors")]
    first = json.loads((await ask(shared_around, key, items, Idempotency_Key="both-doors")).data)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    assert json.loads((await ask(shared_around, key, items, Idempotency_Key="both-doors")).data) == first
    assert await post(shared_intake, key, items, **{"Idempotency-Key": "both-doors"}) == first
    other = await ask(shared_around, key, a_posted_submission(source_ref="other"), idempotency_key="both-doors")
    assert (status(other), json.loads(other.data)["code"]) == (409, "key_used")
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


@pytest.mark.parametrize("wrong", ["x" * 201, "khóa", "\x00", "a\tb"], ids=["long", "letters", "null", "tab"])
async def test_a_request_key_that_headers_cannot_carry_is_refused(
    shared_around: Surroundings, shared_intake: Service, key: str, wrong: str
) -> None:
    reply = await ask(
        shared_around, key, a_posted_submission(source_ref=f"wrong key {wrong!r}"[:100]), Idempotency_Key=wrong
    )
    assert (status(reply), json.loads(reply.data)["errors"][0]["pointer"]) == (400, "/idempotency-key")


async def test_the_callers_trace_goes_on_to_the_stream(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    trace = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"
    await ask(shared_around, key, a_posted_submission(source_ref="traced"), traceparent=trace)
    message = await shared_around.nats.jetstream().get_last_msg(
        subjects.SUBMISSIONS_STREAM, "ntm.v1.submissions.184.06280"
    )
    assert (message.headers or {})["traceparent"] == trace


async def test_a_message_that_awaits_no_reply_is_taken_and_harms_nobody(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    headers = {"Authorization": f"Bearer {key}"}
    await shared_around.nats.publish(subjects.SUBMIT, b"garbage", headers=headers)
    body = json.dumps(a_posted_submission(source_ref="no reply")).encode()
    await shared_around.nats.publish(subjects.SUBMIT, body, headers=headers)

    async def stored() -> bool:
        return await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 1

    await eventually(stored)
    assert status(await ask(shared_around, key, a_posted_submission())) == 202


async def test_many_requests_at_once_each_get_their_own_receipt_and_two_processes_share_them(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    beside = await shared_around.start("intake")
    items = [a_posted_submission(source_ref=f"at once {secrets.token_hex(4)}") for _ in range(300)]
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    replies = await asyncio.gather(*(ask(shared_around, key, item) for item in items))
    assert {status(reply) for reply in replies} == {202}
    assert len({json.loads(reply.data)["id"] for reply in replies}) == 300
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 300
    assert await shared_intake.taken() > 0
    assert await beside.taken() > 0
    await beside.stop()
    assert status(await ask(shared_around, key, a_posted_submission(source_ref="one is left"))) == 202


async def test_while_the_database_is_away_the_reply_is_to_come_again(
    shared_around: Surroundings, shared_intake: Service, key: str, postgres_server: PostgresServer
) -> None:
    await asyncio.sleep(1.1)  # the key is remembered for a second
    await postgres_server.kill()
    try:
        reply = await ask(shared_around, key, a_posted_submission())
    finally:
        await postgres_server.restart()
    assert (status(reply), json.loads(reply.data)["code"]) == (503, "unavailable")
    assert (reply.headers or {})["retry-after"]
    assert status(await ask(shared_around, key, a_posted_submission())) == 202


async def test_while_no_intake_runs_the_caller_hears_it_at_once(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    await shared_intake.stop()
    with pytest.raises(NoRespondersError):
        await ask(shared_around, key, a_posted_submission())
