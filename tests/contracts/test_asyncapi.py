"""The AsyncAPI document is one by the official schema, and what the services say on the broker is what it says."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg

from services.intake.doors import openapi_examples
from shared.contract_documents.write import FOLDER
from shared.contracts import subjects
from tests.running import Service, Surroundings
from tests.waiting import eventually

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
OFFICIAL = json.loads((Path(__file__).parent / "asyncapi-3.0.0.json").read_text(encoding="utf-8"))


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from references(one)


def at(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_document_is_valid_by_the_official_schema() -> None:
    official = jsonschema_rs.validator_for(OFFICIAL)
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []
    assert not official.is_valid({**DOCUMENT, "operations": {"odd": {"action": "shout"}}})


def test_whatever_the_document_refers_to_is_in_it() -> None:
    for reference in references(DOCUMENT):
        at(reference)


def test_an_operation_uses_messages_of_its_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


@pytest.fixture(scope="module")
async def around(shared_around: Surroundings) -> Surroundings:
    return shared_around


@pytest.fixture(scope="module")
async def intake(around: Surroundings) -> Service:
    await around.start("scoring")
    return await around.start("intake")


@pytest.fixture(scope="module")
async def key(around: Surroundings) -> str:
    return await around.key("20", agency=openapi_examples.AGENCY)


def described(subject: str, headers: Any, body: Any) -> str:
    """The channel whose description the message fits."""
    for name, channel in DOCUMENT["channels"].items():
        pattern = re.sub(r"\\{\w+\\}", r"[^.]+", re.escape(channel["address"] or ""))
        if re.fullmatch(pattern, subject):
            (message,) = (at(one["$ref"]) for one in channel["messages"].values())
            assert faults(message["headers"], headers) == []
            assert faults(message["payload"], body) == []
            return str(name)
    raise AssertionError(f"no channel for {subject}")


def faults(schema: Any, found: Any) -> list[str]:
    validator = jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(found)]


async def messages(around: Surroundings, stream: str) -> AsyncIterator[RawStreamMsg]:
    js = around.nats.jetstream()
    for sequence in range(1, await around.stored(stream) + 1):
        yield await js.get_msg(stream, sequence)


async def test_what_the_services_publish_is_what_the_document_says(
    around: Surroundings, intake: Service, key: str
) -> None:
    async with intake.client(key) as client:
        path = f"/v1/submissions/{openapi_examples.SUBMISSION_ID}/review"
        assert (await client.post("/v1/submissions", json=openapi_examples.SUBMISSION)).status_code == 202
        assert (await client.post("/v1/submissions", json={"unit": 1})).status_code == 422
        problem = (await client.post("/v1/problems", json=openapi_examples.REPORT)).json()["id"]
        returned = {"decision": "returned", "reason": "Chưa khớp"}
        await eventually(lambda: is_202(client.post(path, json=returned)))
        answer = {"words": "Đã rõ", "closes": True}
        await eventually(lambda: is_202(client.post(f"/v1/problems/{problem}/answers", json=answer)))

        await eventually(lambda: is_202(client.post("/v1/dossiers/06280/ntm", json=openapi_examples.SELF_ASSESSMENT)))

    async def found() -> set[str]:
        return {
            described(message.subject or "", message.headers, json.loads(message.data or b""))
            for stream in subjects.NEEDED
            if stream != subjects.TRIAL_STREAM
            async for message in messages(around, stream)
        }

    expected = {"submissions", "reviews", "refusals", "statuses", "problems", "dossiers"}

    async def all_said() -> bool:
        return expected <= await found()

    await eventually(all_said)


async def is_202(request: Any) -> bool:
    return bool((await request).status_code == 202)


@pytest.mark.parametrize(
    ("body", "status", "contract"),
    [
        (openapi_examples.SUBMISSION, "202", "Receipt"),
        ([openapi_examples.SUBMISSION, {}], "202", "ItemAnswers"),
        ({"unit": 1}, "422", "ProblemDocument"),
    ],
)
async def test_a_request_over_nats_is_answered_as_the_document_says(
    around: Surroundings, intake: Service, key: str, body: Any, status: str, contract: str
) -> None:
    channel = DOCUMENT["channels"]["submit_request"]
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    reply: Msg = await around.nats.request(channel["address"], json.dumps(body).encode(), timeout=10, headers=headers)
    message = at(f"#/components/messages/submit_reply_{contract}")
    assert (reply.headers or {})["status"] == status
    assert faults(message["headers"], reply.headers) == []
    assert faults(message["payload"], json.loads(reply.data)) == []


async def test_a_preview_over_nats_is_answered_as_the_document_says(around: Surroundings, intake: Service) -> None:
    address = DOCUMENT["channels"]["preview_request"]["address"]
    asked = {"submissions": [openapi_examples.SUBMISSION]}
    assert faults(at("#/components/messages/preview_request")["payload"], asked) == []
    reply = await around.nats.request(address, json.dumps(asked).encode(), timeout=10)
    assert faults(at("#/components/messages/preview_reply_Preview")["payload"], json.loads(reply.data)) == []
    wrong = await around.nats.request(address, b"{}", timeout=10)
    assert faults(at("#/components/messages/preview_reply_ProblemDocument")["payload"], json.loads(wrong.data)) == []
