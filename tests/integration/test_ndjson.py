"""Intake takes streams of lines of any length in bounded memory, and a client may safely send them again."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import psutil
import pytest

from services.intake.doors.ndjson import AGENCY_STREAM_LIMIT, STREAM_LIMIT
from shared.contracts import subjects
from shared.http.body import LINE_LIMIT
from tests.builders import a_posted_submission
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

NDJSON = {"Content-Type": "application/x-ndjson"}
MEGABYTE = 1024 * 1024


def a_line(**changes: Any) -> bytes:
    return json.dumps(a_posted_submission(**changes)).encode()


def lines(count: int, name: str) -> list[bytes]:
    """Return different lines, all of them acceptable."""
    return [a_line(source_ref=f"{name}-{number}") for number in range(count)]


async def send(service: Service, key: str, body: Any, **headers: str) -> httpx.Response:
    async with service.client(key) as client:
        return await client.post("/v1/submissions", content=body, headers={**NDJSON, **headers}, timeout=100)


def read(answer: httpx.Response) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the lines of the answer, and apart from them the last line."""
    *items, last = [json.loads(line) for line in answer.text.splitlines()]
    return items, last


async def in_chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_each_of_five_thousand_lines_gets_its_receipt_or_its_problem_by_its_number(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    sent = lines(5000, "five")
    sent[10] = a_line(unit="99999")
    sent[20] = b'{"unit": "06280"'
    sent[30] = b""
    sent[40] = b"   \t"
    sent[50] = b'"' + b"x" * (2 * LINE_LIMIT) + b'"'
    sent[60] = a_line(unit="06004")
    sent[4999] = b"\xff\xfe"
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    answer = await send(shared_intake, key, b"\n".join(sent))
    items, last = read(answer)
    assert (answer.status_code, answer.headers["content-type"]) == (202, "application/x-ndjson")
    assert [item["line"] for item in items] == [number for number in range(1, 5001) if number not in (31, 41)]
    refused = {item["line"]: item["problem"]["code"] for item in items if item["status"] == "refused"}
    assert refused == {
        11: "refused",
        21: "invalid_json",
        51: "too_large",
        61: "out_of_scope",
        5000: "invalid_json",
    }
    assert last == {"summary": {"accepted": 4993, "refused": 5}}
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 4993


async def test_lines_go_out_as_atomic_batches(shared_around: Surroundings, shared_intake: Service, key: str) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    await send(shared_intake, key, b"\n".join(lines(2500, "batches")))
    js = shared_around.nats.jetstream()
    sizes = []
    position = before
    while position < before + 2500:
        first = (await js.get_msg(subjects.SUBMISSIONS_STREAM, position + 1)).headers or {}
        assert first["Nats-Batch-Sequence"] == "1"
        size = 1
        while "Nats-Batch-Commit" not in (
            (await js.get_msg(subjects.SUBMISSIONS_STREAM, position + size)).headers or {}
        ):
            size += 1
        sizes.append(size)
        position += size
    assert sizes == [1000, 1000, 500]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "june"}], ids=["by content", "by key"])
async def test_the_whole_stream_again_gets_the_same_receipts_and_stores_nothing_twice(
    shared_around: Surroundings, shared_intake: Service, key: str, headers: dict[str, str]
) -> None:
    sent = b"\n".join(lines(1500, f"again {headers}"))
    first = await send(shared_intake, key, sent, **headers)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    at_once = await send(shared_intake, key, sent, **headers)
    await asyncio.sleep(1)
    later = await send(shared_intake, key, sent.replace(b"\n", b"\r\n"), **headers)
    assert read(first)[1] == {"summary": {"accepted": 1500, "refused": 0}}
    assert first.text == at_once.text == later.text
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_a_stream_that_goes_on_otherwise_than_the_one_with_its_key_is_refused_from_there_on(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    sent = lines(4, "used key")
    headers = {"Idempotency-Key": "used for lines"}
    first, _ = read(await send(shared_intake, key, b"\n".join(sent), **headers))
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    for other in (
        [sent[0], a_line(source_ref="something else"), *sent[2:], *lines(2, "further")],
        [sent[0], *sent[2:]],
        [sent[0], b"no JSON", *sent[2:]],
        [sent[0], a_line(source_ref="inserted"), *sent[1:]],
    ):
        answer = await send(shared_intake, key, b"\n".join(other), **headers)
        again, last = read(answer)
        assert answer.status_code == 409
        assert again[0] == first[0]
        assert {one["problem"]["code"] for one in again[1:]} <= {"key_used", "invalid_json"}
        assert len(again) == len(other)
        assert last["problem"]["code"] == "key_used"
        assert last["summary"] == {"accepted": 1, "refused": len(other) - 1}
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_where_a_line_was_refused_no_other_one_is_accepted_in_its_place(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    one, other, last = lines(3, "in its place")
    headers = {"Idempotency-Key": "with a refused line"}
    first, _ = read(await send(shared_intake, key, b"\n".join([one, b"{}", last]), **headers))
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    assert (
        read(await send(shared_intake, key, b"\n\n".join([one, b"{ }", last]), **headers))[0][2]["id"] == first[2]["id"]
    )
    answer = await send(shared_intake, key, b"\n".join([one, other, last]), **headers)
    assert answer.status_code == 409
    assert [item.get("id") for item in read(answer)[0]] == [first[0]["id"], None, None]
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_a_long_stream_under_a_used_key_ends_where_it_differs(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    sent = lines(2500, "long and used")
    headers = {"Idempotency-Key": "long"}
    first, _ = read(await send(shared_intake, key, b"\n".join(sent[:1800]), **headers))
    await asyncio.sleep(1)  # some of it is read from the tables
    other = [*sent[:1300], a_line(source_ref="other"), *sent[1300:]]
    answer = await send(shared_intake, key, b"\n".join(other), **headers)
    items, last = read(answer)
    assert (answer.status_code, last["problem"]["code"]) == (409, "key_used")
    assert items[:1300] == first[:1300]
    assert last["summary"] == {"accepted": 1300, "refused": 700}
    whole, last = read(await send(shared_intake, key, b"\n".join(sent), **headers))
    assert whole[:1800] == first
    assert last["summary"] == {"accepted": 2500, "refused": 0}


async def test_of_two_streams_with_one_key_at_once_one_is_accepted(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    second = await shared_around.start("intake")
    units = ("06256", "06268", "06274", "06277", "06283", "06286")
    for number in range(5):
        headers = {"Idempotency-Key": f"at once {number}"}
        streams = [
            [a_line(unit=unit, revision=300 + number, source_ref=name, confirmed=True) for unit in some]
            for name, some in (("one", units[:3]), ("two", units[2:]))
        ]
        before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
        answers = await asyncio.gather(
            *(
                send(service, key, b"\n".join(body), **headers)
                for service, body in zip((shared_intake, second), streams, strict=True)
            )
        )
        summaries = [read(answer)[1]["summary"] for answer in answers]
        (accepted,) = [summary["accepted"] for summary in summaries if summary["accepted"]]
        assert sorted(answer.status_code for answer in answers) == [202, 409], summaries
        assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + accepted
    await second.stop()


type Form = Callable[[Surroundings, Service, str, list[bytes], str], Awaitable[list[str | None]]]
"""Sends submissions in a form under a key; returns the ids of those that have a receipt."""


async def as_lines(_: Surroundings, intake: Service, key: str, items: list[bytes], request: str) -> list[str | None]:
    answer = await send(intake, key, b"\n" + b"\r\n\r\n".join(items), **{"Idempotency-Key": request})
    return [item.get("id") for item in read(answer)[0]]


async def as_array(_: Surroundings, intake: Service, key: str, items: list[bytes], request: str) -> list[str | None]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": request}
    answer = await send(intake, key, b"[" + b", ".join(items) + b"]", **headers)
    return [item.get("id") for item in answer.json()["items"]]


async def as_object(_: Surroundings, intake: Service, key: str, items: list[bytes], request: str) -> list[str | None]:
    answer = await send(intake, key, items[0], **{"Content-Type": "application/json", "Idempotency-Key": request})
    return [answer.json().get("id")]


async def over_nats(around: Surroundings, _: Service, key: str, items: list[bytes], request: str) -> list[str | None]:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": request}
    reply = await around.nats.request(subjects.SUBMIT, b"[" + b",".join(items) + b"]", timeout=30, headers=headers)
    return [item.get("id") for item in json.loads(reply.data)["items"]]


FORMS: tuple[Form, ...] = (as_lines, as_array, over_nats, as_object)


def forms_of(count: int) -> tuple[Form, ...]:
    """Return the forms that so many submissions may have: an object is one."""
    return FORMS if count == 1 else FORMS[:-1]


def written_otherwise(item: bytes) -> bytes:
    """Write a submission with its fields in another order, with decimals (`1204.0`), and with its defaults."""
    defaults = {"confirmed": False, "revision": 1, "source_ref": None, "stage": "reported"}
    fields = {**defaults, **dict(reversed(json.loads(item).items()))}
    return json.dumps(
        {**fields, "readings": {name: float(value) for name, value in fields["readings"].items()}}
    ).encode()


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(("first", "count"), [(form, count) for count in (1, 3) for form in forms_of(count)])
async def test_the_receipt_holds_in_whichever_form_the_request_comes_again_and_nothing_more_is_accepted(
    shared_around: Surroundings, shared_intake: Service, key: str, first: Form, count: int, waits: bool
) -> None:
    request = f"forms {first.__name__} {count} {waits}"
    sent = lines(count, request)
    receipts = await first(shared_around, shared_intake, key, sent, request)
    assert all(receipts)
    if waits:
        await asyncio.sleep(1)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    for form in forms_of(count):
        for again in (sent, list(map(written_otherwise, sent))):
            assert await form(shared_around, shared_intake, key, again, request) == receipts, (form, again)
    goes_on = [*sent, *lines(1, f"more {request}")]
    for form in FORMS[:-1]:
        if (form is as_lines) is not (first is as_lines):
            assert (await form(shared_around, shared_intake, key, goes_on, request))[count] is None, form
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_without_a_line_there_is_nothing_to_accept(shared_intake: Service, key: str) -> None:
    for nothing in (b"", b"\n\n  \n"):
        answer = await send(shared_intake, key, nothing)
        assert answer.status_code == 422
        assert read(answer)[1]["problem"]["errors"][0]["code"] == "empty"


async def test_where_every_line_is_refused_the_answer_is_a_refusal(shared_intake: Service, key: str) -> None:
    answer = await send(shared_intake, key, b"1\n2\n{}\n")
    assert answer.status_code == 422
    assert read(answer)[1] == {"summary": {"accepted": 0, "refused": 3}}


async def test_a_packed_stream_is_not_taken(shared_intake: Service, key: str) -> None:
    answer = await send(
        shared_intake, key, gzip.compress(b"\n".join(lines(10, "packed"))), **{"Content-Encoding": "gzip"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "packed")


async def test_what_came_before_a_stream_broke_off_is_accepted_and_sending_it_again_completes_it(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    sent = lines(3000, "broken off")
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)

    async def half() -> AsyncIterator[bytes]:
        yield b"\n".join(sent[:2200]) + b"\n" + sent[2200][:30]
        await eventually(first_two_thousand)
        raise ConnectionAbortedError

    async def first_two_thousand() -> bool:
        return await shared_around.stored(subjects.SUBMISSIONS_STREAM) >= before + 2000

    with pytest.raises(ConnectionAbortedError):
        await send(shared_intake, key, half())
    answer = await send(shared_intake, key, b"\n".join(sent))
    assert read(answer)[1] == {"summary": {"accepted": 3000, "refused": 0}}
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 3000


async def test_as_many_streams_as_may_run_at_once_all_come_to_their_end_and_one_more_is_asked_to_wait(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    is_open = asyncio.Event()

    async def slowly(number: int) -> AsyncIterator[bytes]:
        yield b"\n"
        await is_open.wait()
        yield b"\n".join(lines(1500, f"stream {number}"))

    keys = [await shared_around.key("184", agency=f"agency-{number}") for number in range(STREAM_LIMIT)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(send(shared_intake, each, slowly(number))) for number, each in enumerate(keys)]
        await eventually(lambda: one_more_is_refused(shared_intake, key))
        is_open.set()
    assert [read(task.result())[1] for task in tasks] == [{"summary": {"accepted": 1500, "refused": 0}}] * STREAM_LIMIT
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + STREAM_LIMIT * 1500


async def test_an_agency_s_slow_streams_keep_no_other_agency_from_sending(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    slow, is_open = await shared_around.key("184", agency="slow"), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"\n"
        await is_open.wait()
        yield a_line(source_ref="slow")

    async with asyncio.TaskGroup() as group:
        for _ in range(AGENCY_STREAM_LIMIT):
            group.create_task(send(shared_intake, slow, slowly()))
        await eventually(lambda: one_more_is_refused(shared_intake, slow))
        assert (await send(shared_intake, key, a_line(source_ref="another agency"))).status_code == 202
        is_open.set()
    assert (await send(shared_intake, slow, a_line(source_ref="later"))).status_code == 202, "the places are free again"


async def one_more_is_refused(intake: Service, key: str) -> bool:
    answer = await send(intake, key, b"\n")
    return (answer.status_code, "retry-after" in answer.headers) == (429, True)


async def test_a_long_stream_takes_no_more_memory_than_a_short_one(shared_intake: Service, key: str) -> None:
    assert shared_intake.process
    process = psutil.Process(shared_intake.process.pid)
    await send(shared_intake, key, b"\n".join(lines(3000, "short")))
    before = peak = process.memory_info().rss
    filler = b" " * 1000
    part = b"".join(line + filler + b"\n" for line in lines(500, "long"))

    async def long() -> AsyncIterator[bytes]:
        nonlocal peak
        sent = 0
        while sent < 60 * MEGABYTE:
            yield part
            sent += len(part)
            peak = max(peak, process.memory_info().rss)

    answer = await send(shared_intake, key, long())
    assert answer.status_code == 202
    assert peak - before < 120 * MEGABYTE  # all of them at once would be 600


async def test_lines_that_unfold_into_much_more_than_they_are_take_little_memory(
    shared_intake: Service, key: str
) -> None:
    assert shared_intake.process
    process = psutil.Process(shared_intake.process.pid)
    await send(shared_intake, key, b"\n".join(lines(1000, "before the hostile")))
    before = peak = process.memory_info().rss
    hostile = b"[" + b",".join([b"[]"] * 60_000) + b"]\n"

    async def watched() -> AsyncIterator[bytes]:
        nonlocal peak
        for _ in range(150):
            yield hostile
            peak = max(peak, process.memory_info().rss)

    items, _ = read(await send(shared_intake, key, watched()))
    assert {item["problem"]["code"] for item in items} == {"refused"}
    assert peak - before < 120 * MEGABYTE  # all of them at once would be 600


async def test_when_the_broker_dies_in_the_middle_the_answer_says_what_was_accepted_and_to_come_again(
    shared_around: Surroundings, shared_intake: Service, key: str, nats_server: NatsServer
) -> None:
    sent = lines(4000, "dying")
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    taken = await shared_intake.taken()

    async def dying() -> AsyncIterator[bytes]:
        yield b"\n".join(sent[:2000]) + b"\n"
        await eventually(two_thousand)
        await nats_server.kill()
        yield b"\n".join(sent[2000:])

    async def two_thousand() -> bool:
        return await shared_intake.taken() == taken + 2000

    try:
        answer = await send(shared_intake, key, dying())
    finally:
        await nats_server.restart()
    items, last = read(answer)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert last["problem"]["code"] == "unavailable"
    assert last["summary"] == {"accepted": len(items), "refused": 0} == {"accepted": 2000, "refused": 0}

    again = await eventually(lambda: accepted(shared_intake, key, sent))
    assert read(again)[0][:2000] == items
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 4000


async def accepted(intake: Service, key: str, sent: list[bytes]) -> httpx.Response | None:
    answer = await send(intake, key, b"\n".join(sent))
    return answer if answer.status_code == 202 else None
