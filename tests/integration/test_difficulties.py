"""Units report difficulties and offices answer and close them; only entitled keys see them in the lists."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

COMMUNE, DISTRICT, PROVINCE = "06280", "184", "20"
HOSTILE = "<script>alert(1)</script> '; DROP TABLE problem; -- {{7*7}} \u202e ${x} 😀\nDòng hai"


@pytest.fixture(scope="module")
async def commune(shared_around: Surroundings) -> str:
    return await shared_around.key(COMMUNE, agency="commune")


@pytest.fixture(scope="module")
async def district(shared_around: Surroundings) -> str:
    return await shared_around.key(DISTRICT, agency="district")


@pytest.fixture(scope="module")
async def division(shared_around: Surroundings) -> str:
    return await shared_around.key(PROVINCE, criteria=("ntm-12",), agency="division")


def a_report(**changes: Any) -> dict[str, Any]:
    ordinary = {"unit": COMMUNE, "criterion": "ntm-12", "kind": "funding", "words": "Thiếu kinh phí.", "contact": "Xã"}
    return {**ordinary, **changes}


async def report(service: Service, key: str, **changes: Any) -> Any:
    answer = await post(service, key, "", a_report(**changes))
    assert answer.status_code == 202, answer.text
    return answer.json()


async def answer(service: Service, key: str, problem: str, words: str, **changes: Any) -> httpx.Response:
    return await post(service, key, f"/{problem}/answers", {"words": words, **changes})


async def post(service: Service, key: str, path: str, body: Any, **headers: str) -> httpx.Response:
    async with service.client(key) as client:
        return await client.post(f"/v1/problems{path}", json=body, headers=headers)


async def get(service: Service, key: str, path: str = "", **parameters: Any) -> Any:
    async with service.client(key) as client:
        found = await client.get(f"/v1/problems{path}", params=parameters)
    return found.json() if found.status_code == 200 else found.status_code


async def listed(service: Service, key: str, **parameters: Any) -> list[str]:
    return [one["id"] for one in (await get(service, key, **parameters))["items"]]


async def events(around: Surroundings, unit: str) -> list[DifficultyLogged]:
    """Return the messages that were published about a unit's difficulties."""
    messages = await around.published(subjects.problem(unit))
    return [DifficultyLogged.model_validate_json(message.data) for message in messages]


async def test_a_difficulty_is_reported_answered_and_closed_and_each_of_it_is_published(
    shared_around: Surroundings, shared_intake: Service, commune: str, division: str
) -> None:
    unit = "06283"
    key = await shared_around.key(unit, agency="reporter")
    reported = await report(shared_intake, key, unit=unit)
    assert (reported["state"], reported["age_days"], reported["criterion"]) == ("open", 0, "ntm-12")
    assert (reported["unit"]["code"], reported["district"]["code"]) == (unit, DISTRICT)
    problem = reported["id"]
    answered = await answer(shared_intake, division, problem, "Đã phân bổ đợt 2.")
    assert (answered.status_code, answered.json()["state"]) == (202, "answered")
    closed = await answer(shared_intake, key, problem, "Đã nhận đủ.", closes=True)
    assert (closed.status_code, closed.json()["state"]) == (202, "closed")
    assert [one["agency"] for one in closed.json()["said"]] == ["reporter", "division", "reporter"]
    found = await eventually(lambda: has_said(shared_intake, key, problem, 3))
    assert found == closed.json()
    published = await events(shared_around, unit)
    assert [one.event for one in published] == ["problem_reported", "problem_answered", "problem_answered"]
    assert [one.closes for one in published] == [False, False, True]
    assert {str(one.problem) for one in published} == {problem}
    assert [one.contact for one in published] == ["Xã", None, None]
    late = await answer(shared_intake, division, problem, "Còn gì nữa?")
    assert (late.status_code, late.json()["code"]) == (409, "closed")


async def has_said(intake: Service, key: str, problem: str, count: int) -> Any:
    found = await get(intake, key, f"/{problem}")
    return found if len(found["said"]) == count else None


async def test_what_was_just_reported_is_there_at_once(shared_intake: Service, commune: str) -> None:
    for number in range(10):
        reported = await report(shared_intake, commune, words=f"Số {number}")
        assert await get(shared_intake, commune, f"/{reported['id']}") == reported


async def test_words_are_data_whatever_they_look_like(
    shared_around: Surroundings, shared_intake: Service, commune: str
) -> None:
    reported = await report(
        shared_intake, commune, words=HOSTILE, contact="<b>'\";--</b>", criterion=None, kind="other"
    )
    found = await get(shared_intake, commune, f"/{reported['id']}")
    assert (found["said"][0]["words"], found["contact"]) == (HOSTILE, "<b>'\";--</b>")
    assert (await events(shared_around, COMMUNE))[-1].words == HOSTILE


@pytest.mark.parametrize(
    "changes",
    [
        {"words": ""},
        {"words": "   "},
        {"words": "x" * 4001},
        {"words": "\x00"},
        {"words": "\x1b[31m"},
        {"words": 7},
        {"contact": "one\ntwo"},
        {"contact": "x" * 201},
        {"kind": "money"},
        {"criterion": "ntm-99"},
        {"criterion": "x" * 41},
        {"unit": "99999"},
        {"unit": "Điềm He"},
        {"more": "than asked"},
    ],
    ids=repr,
)
async def test_a_report_that_cannot_be_taken_is_refused_with_the_field(
    shared_around: Surroundings, shared_intake: Service, commune: str, changes: dict[str, Any]
) -> None:
    before = await shared_around.stored(subjects.STATUS_STREAM)
    refused = await post(shared_intake, commune, "", a_report(**changes))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/{next(iter(changes))}"
    assert await shared_around.stored(subjects.STATUS_STREAM) == before


async def test_who_may_report_see_and_answer(
    shared_around: Surroundings, shared_intake: Service, commune: str, district: str, division: str
) -> None:
    elsewhere = await shared_around.key("180", agency="elsewhere")
    other_division = await shared_around.key(PROVINCE, criteria=("ntm-11",), agency="other-division")
    office = await shared_around.key(PROVINCE, agency="coordination-office")
    problem = (await report(shared_intake, commune))["id"]
    assert (await post(shared_intake, elsewhere, "", a_report())).json()["errors"][0]["code"] == "outside_units"
    assert await get(shared_intake, elsewhere, f"/{problem}") == 404
    assert (await answer(shared_intake, elsewhere, problem, "w")).status_code == 404
    assert (await answer(shared_intake, district, problem, "w")).json()["code"] == "out_of_scope"
    assert (await answer(shared_intake, other_division, problem, "w")).json()["code"] == "out_of_scope"
    assert (await get(shared_intake, district, f"/{problem}"))["id"] == problem
    assert (await answer(shared_intake, office, problem, "w")).status_code == 202
    general = (await report(shared_intake, commune, criterion=None))["id"]
    assert (await answer(shared_intake, other_division, general, "w")).status_code == 202
    assert (await answer(shared_intake, commune, str(UUID(int=5)), "w")).status_code == 404
    assert (await answer(shared_intake, commune, "nonsense", "w")).status_code == 400
    async with shared_intake.client() as client:
        assert (await client.get("/v1/problems")).status_code == 401


async def test_words_that_the_reporter_adds_are_no_answer(shared_intake: Service, commune: str) -> None:
    problem = (await report(shared_intake, commune))["id"]
    added = (await answer(shared_intake, commune, problem, "Bổ sung: cần 20 triệu.")).json()
    assert added["state"] == "open"
    await eventually(lambda: has_said(shared_intake, commune, problem, 2))
    assert problem in await listed(shared_intake, commune, state="open", limit=200)


async def test_the_same_request_again_says_nothing_twice_and_other_words_under_its_key_are_a_conflict(
    shared_around: Surroundings, shared_intake: Service, commune: str, division: str
) -> None:
    headers = {"Idempotency-Key": "report-1"}
    reported = await post(shared_intake, commune, "", a_report(words="Một"), **headers)
    before = await shared_around.stored(subjects.STATUS_STREAM)
    at_once = await post(shared_intake, commune, "", a_report(words="Một"), **headers)
    assert (await get(shared_intake, commune, f"/{reported.json()['id']}")) == reported.json()
    later = await post(shared_intake, commune, "", a_report(words="Một"), **headers)
    assert reported.json() == at_once.json() == later.json()
    assert (await post(shared_intake, commune, "", a_report(words="Hai"), **headers)).json()["code"] == "key_used"
    assert await shared_around.stored(subjects.STATUS_STREAM) == before

    path = f"/{reported.json()['id']}/answers"
    headers = {"Idempotency-Key": "answer-1"}
    answers = [
        await post(shared_intake, division, path, {"words": "Xong.", "closes": True}, **headers) for _ in range(2)
    ]
    await eventually(lambda: has_said(shared_intake, commune, reported.json()["id"], 2))
    answers.append(await post(shared_intake, division, path, {"words": "Xong.", "closes": True}, **headers))
    assert [one.status_code for one in answers] == [202] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert (await post(shared_intake, division, path, {"words": "Chưa.", "closes": True}, **headers)).status_code == 409
    assert await shared_around.stored(subjects.STATUS_STREAM) == before + 1


async def test_lists_are_filtered_and_paged_the_newest_first(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    unit = "06256"
    key = await shared_around.key(unit, agency="lists")
    office = await shared_around.key(PROVINCE, agency="lists-office")
    open_ = [(await report(shared_intake, key, unit=unit, words=f"Số {n}"))["id"] for n in range(4)]
    answered = (await report(shared_intake, key, unit=unit, criterion="ntm-11"))["id"]
    closed = (await report(shared_intake, key, unit=unit, criterion=None))["id"]
    await answer(shared_intake, office, answered, "Đang xử lý.")
    await answer(shared_intake, office, closed, "Xong.", closes=True)
    await eventually(lambda: has_said(shared_intake, key, closed, 2))
    everything = [closed, answered, *open_[::-1]]
    assert await listed(shared_intake, key) == everything
    assert await listed(shared_intake, key, state="open") == open_[::-1]
    assert await listed(shared_intake, key, state="answered") == [answered]
    assert await listed(shared_intake, key, state="closed") == [closed]
    assert await listed(shared_intake, key, criterion="ntm-11") == [answered]
    assert await listed(shared_intake, office, unit=unit) == everything
    assert await listed(shared_intake, key, unit="06283") == []
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(shared_intake, key, limit=2, **cursor)
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == everything
    assert await get(shared_intake, key, cursor=str(UUID(int=3))) == 400
    assert await get(shared_intake, key, state="lost") == 400


async def test_a_difficulty_grows_old_until_it_is_closed(
    shared_around: Surroundings, shared_intake: Service, commune: str
) -> None:
    waits = (await report(shared_intake, commune, words="Còn chờ"))["id"]
    solved = (await report(shared_intake, commune, words="Xong ngay"))["id"]
    await answer(shared_intake, commune, solved, "Xong.", closes=True)
    await shared_around.set_day(START + timedelta(days=12))
    await eventually(lambda: is_old(shared_intake, commune, waits, 12))
    await eventually(lambda: is_old(shared_intake, commune, solved, 0))


async def is_old(intake: Service, key: str, problem: str, days: int) -> bool:
    return bool((await get(intake, key, f"/{problem}"))["age_days"] == days)


async def test_an_event_says_what_it_is_in_its_headers(
    shared_around: Surroundings, shared_intake: Service, commune: str
) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    reported = await post(shared_intake, commune, "", a_report(), traceparent=trace)
    message = await shared_around.nats.jetstream().get_last_msg(subjects.STATUS_STREAM, subjects.problem(COMMUNE))
    assert message.headers
    assert json.loads(message.data or b"")["id"] == reported.json()["id"] == message.headers["ce-id"]
    assert message.headers["ce-type"] == "vn.ntm.problem.reported.v1"
    assert message.headers["traceparent"] == trace


async def test_of_two_who_close_a_difficulty_at_once_one_is_told_that_it_is_closed(
    shared_around: Surroundings, shared_intake: Service, division: str
) -> None:
    unit = "06286"
    key = await shared_around.key(unit, agency="closing")
    second = await shared_around.start("intake")
    for number in range(10):
        problem = (await report(shared_intake, key, unit=unit, words=f"Số {number}"))["id"]
        answers = await asyncio.gather(
            answer(shared_intake, division, problem, "Đã cấp.", closes=True),
            answer(second, key, problem, "Đã nhận.", closes=True),
            answer(second, division, problem, "Đang xem xét."),
        )
        assert sorted(one.status_code for one in answers[:2]) == [202, 409]
        said = [one for one in await events(shared_around, unit) if str(one.problem) == problem]
        assert [one.closes for one in said].count(True) == 1
        assert said[-1].closes, "somebody answered after the difficulty was closed"
