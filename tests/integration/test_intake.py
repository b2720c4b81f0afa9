"""Intake against a real NATS and PostgreSQL, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from services.intake.admission.accept import ITEM_LIMIT
from services.intake.storage import receipts
from shared.access.agency_keys import add_key, revoke_keys
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings
from tests.servers import PostgresServer
from tests.waiting import eventually


async def post(service: Service, key: str | None, content: Any, **headers: str) -> Any:
    sent = {"content-type": "application/json", **headers}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with service.client(key) as client:
        return await client.post("/v1/submissions", content=body, headers=sent)


async def test_a_receipt_means_that_the_submission_is_on_the_stream(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    answer = await post(shared_intake, key, a_posted_submission(source_ref="VQ-1"))
    assert answer.status_code == 202
    receipt = answer.json()
    message = await shared_around.nats.jetstream().get_last_msg(
        subjects.SUBMISSIONS_STREAM, "ntm.v1.submissions.184.06280"
    )
    stored = json.loads(message.data or b"")
    assert stored["id"] == receipt["id"]
    assert stored["digest"] == receipt["digest"]
    assert stored["agency"] == "district-184"
    assert (message.headers or {})["ce-type"] == "vn.ntm.submission.accepted.v1"


async def test_one_refused_item_does_not_refuse_the_others(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    items = [a_posted_submission(), a_posted_submission(unit="06004"), a_posted_submission(period="2023-05")]
    answer = await post(shared_intake, key, items)
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["items"]] == ["accepted", "refused", "accepted"]
    assert answer.json()["items"][1]["problem"]["errors"][0]["code"] == "outside_units"
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 2


async def test_an_array_of_a_thousand_goes_out_as_one_atomic_batch(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    answer = await post(
        shared_intake, key, [a_posted_submission(source_ref=f"thousand-{n}") for n in range(ITEM_LIMIT)]
    )
    assert answer.json()["accepted"] == ITEM_LIMIT
    last = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    message = await shared_around.nats.jetstream().get_msg(subjects.SUBMISSIONS_STREAM, last)
    headers = message.headers or {}
    assert headers["Nats-Batch-Sequence"] == str(ITEM_LIMIT)
    assert headers["Nats-Batch-Commit"] == "1"


async def test_the_same_content_again_gets_the_same_receipt(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    item = a_posted_submission(source_ref="lost answer")
    first = await post(shared_intake, key, item)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    again = await post(shared_intake, key, dict(reversed(item.items())))
    in_an_array = await post(shared_intake, key, [item, item])
    assert again.json() == first.json()
    assert in_an_array.json()["items"] == [first.json(), first.json()]
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_the_same_receipt_comes_also_beyond_the_window_of_jetstream(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    item = a_posted_submission(source_ref="long ago")
    first = await post(shared_intake, key, item, **{"Idempotency-Key": "long ago"})
    await eventually(lambda: receipt_is_kept(shared_around, first.json()["id"]))
    js = shared_around.nats.jetstream()
    config = (await js.stream_info(subjects.SUBMISSIONS_STREAM)).config
    await js.update_stream(config.evolve(duplicate_window=0.1))
    await asyncio.sleep(0.5)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    again = await post(shared_intake, key, item, **{"Idempotency-Key": "long ago"})
    await js.update_stream(config)
    assert again.json() == first.json()
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


@pytest.mark.parametrize("pause", [0, 1], ids=["at once", "after a while"])
async def test_a_used_key_with_another_body_is_a_conflict(
    shared_around: Surroundings, shared_intake: Service, key: str, pause: int
) -> None:
    headers = {"Idempotency-Key": f"reused after {pause}"}
    items = [a_posted_submission(source_ref=headers["Idempotency-Key"]), a_posted_submission(period="2023-05")]
    assert (await post(shared_intake, key, items, **headers)).status_code == 202
    await asyncio.sleep(pause)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    longer = await post(shared_intake, key, [*items, a_posted_submission(period="2023-04")], **headers)
    other = await post(shared_intake, key, a_posted_submission(source_ref="other"), **headers)
    same = await post(shared_intake, key, items, **headers)
    assert (longer.status_code, longer.json()["code"]) == (409, "key_used")
    assert (other.status_code, other.json()["code"]) == (409, "key_used")
    assert same.json()["accepted"] == 2
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def receipt_is_kept(around: Surroundings, submission_id: str) -> bool:
    async with around.engine.connect() as connection:
        return await receipts.find(connection, UUID(submission_id)) is not None


async def test_a_document_tells_no_more_faults_than_anybody_reads(shared_intake: Service, key: str) -> None:
    endless = a_posted_submission(readings={f"element_{number}": 1 for number in range(150)})
    document = (await post(shared_intake, key, endless)).json()
    assert len(document["errors"]) == 100
    assert document["omitted"] == 50


async def test_while_the_database_is_away_the_answer_is_to_come_again(
    shared_intake: Service, key: str, postgres_server: PostgresServer
) -> None:
    await asyncio.sleep(1.1)  # the key is remembered for a second
    await postgres_server.kill()
    try:
        answer = await post(shared_intake, key, a_posted_submission())
        async with shared_intake.client() as client:
            ready = await client.get("/readyz")
    finally:
        await postgres_server.restart()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert ready.status_code == 503
    assert (await post(shared_intake, key, a_posted_submission())).status_code == 202


async def test_refusals_are_recorded_with_what_was_sent(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    wrong = a_posted_submission(readings={"households": -1})
    assert (await post(shared_intake, key, wrong)).status_code == 422
    message = await shared_around.nats.jetstream().get_last_msg(
        subjects.REFUSALS_STREAM, "ntm.v1.refusals.district-184"
    )
    refusal = json.loads(message.data or b"")
    assert refusal["submission"] == wrong
    assert refusal["problem"]["errors"][0]["pointer"] == "/readings/households"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"unit": NaN}', 400, "invalid_json"),
        (b'{"unit":"06280","period":"2023-06","readings":{"households":1,"households":2}}', 400, "invalid_json"),
        (
            b'{"unit":"06280","period":"2023-06","source_ref":"\\ud800","readings":{"households":1}}',
            400,
            "invalid_json",
        ),
        (b"[" * 100_000, 400, "invalid_json"),
        (b"[]", 422, "refused"),
        (b"17", 422, "refused"),
        (b"null", 422, "refused"),
        (a_posted_submission(unit="99999"), 422, "refused"),
        (a_posted_submission(unit="06004"), 403, "out_of_scope"),
        (a_posted_submission(readings={"households": 10, "poor_households": 11}), 422, "refused"),
        (a_posted_submission(readings={"households": -1}), 422, "refused"),
        (b'{"unit":"06280","period":"2023-06","readings":{"households":1e999}}', 422, "refused"),
        (b'{"unit":"06280","period":"2023-06","readings":{"households":' + b"9" * 400 + b"}}", 422, "refused"),
        (a_posted_submission(period="2023-13"), 422, "refused"),
        (a_posted_submission(period="2023-07"), 422, "refused"),
        (a_posted_submission(period=202306), 422, "refused"),
        (a_posted_submission(readings="many"), 422, "refused"),
        (a_posted_submission(readings={"unknown_thing": 1}), 422, "refused"),
        ([a_posted_submission()] * 10_000, 413, "too_many_items"),
        (b'["' + b"x" * 50_000_000 + b'"]', 413, "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str | int) else None,
)
async def test_wrong_input_gets_its_status_and_a_problem_document_and_the_service_runs_on(
    shared_intake: Service, key: str, content: Any, status: int, code: str
) -> None:
    answer = await post(shared_intake, key, content, **{"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["title"]
    assert (await post(shared_intake, key, a_posted_submission())).status_code == 202


async def test_without_a_key_or_with_a_wrong_one_nothing_is_read(shared_intake: Service, key: str) -> None:
    assert (await post(shared_intake, None, a_posted_submission())).json()["code"] == "no_key"
    for wrong in ("nonsense", "ntm_000000000000_x", key + "x", key[:-1]):
        answer = await post(shared_intake, wrong, a_posted_submission())
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_key")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_opens_nothing_within_a_second_or_two(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    short_lived = await shared_around.key("184", agency="short-lived")
    assert (await post(shared_intake, short_lived, a_posted_submission())).status_code == 202
    await revoke_keys(shared_around.engine, "short-lived")

    async def refused() -> bool:
        return (await post(shared_intake, short_lived, a_posted_submission())).status_code == 401

    await eventually(refused, seconds=20)


async def test_another_content_type_is_not_taken(shared_intake: Service, key: str) -> None:
    answer = await post(shared_intake, key, a_posted_submission(), **{"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_who_sent_a_standing_figure_is_named_as_people_know_them(shared_around: Surroundings) -> None:
    intake = await shared_around.start("intake")
    sender = await add_key(shared_around.engine, "p-van-quan", "Phòng LĐTBXH huyện Văn Quan", ["184"], [EVERYTHING])
    unit = "06286"
    assert (await post(intake, sender, a_posted_submission(unit=unit))).status_code == 202
    other = a_posted_submission(unit=unit, readings={"households": 1203, "poor_households": 131})

    async def is_told() -> bool:
        answer = await post(intake, sender, other)
        return "do Phòng LĐTBXH huyện Văn Quan gửi" in answer.json()["detail"]

    await eventually(is_told)  # a figure that is in no table yet has its sender's id


async def test_problems_speak_the_callers_language(shared_intake: Service, key: str) -> None:
    vietnamese = await post(shared_intake, key, a_posted_submission(unit="99999"))
    english = await post(shared_intake, key, a_posted_submission(unit="99999"), **{"Accept-Language": "en-GB,en;q=0.9"})
    assert "Không có đơn vị nào mang mã 99999" in vietnamese.json()["detail"]
    assert "No unit has the code 99999" in english.json()["detail"]


async def test_the_catalogue_names_everything_that_a_submission_can(shared_intake: Service, key: str) -> None:
    async with shared_intake.client(key) as client:
        catalogue = (await client.get("/v1/catalogue")).json()
    assert "households" in {element["code"] for element in catalogue["elements"]}
    assert sum(unit["kind"] == "commune" for unit in catalogue["units"]) == 181


async def test_while_the_broker_is_away_nothing_is_promised(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    await shared_around.nats.jetstream().delete_stream(subjects.SUBMISSIONS_STREAM)
    answer = await asyncio.wait_for(post(shared_intake, key, a_posted_submission(source_ref="nowhere")), 20)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
