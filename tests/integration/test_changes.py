"""`GET /v1/changes` and its live form: every change once, in order, to whoever may see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from datetime import date
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import text, update

from services.scoring.following.change_feed import KEPT
from shared.access.accounts import disable_account, reset_password
from shared.access.agency_keys import revoke_keys
from shared.access.sessions import IDLE, LONGEST, SESSION_COOKIE, begin_session, end_session
from shared.access.tables import SessionRow
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.contracts.verdict_change import Change
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import LABOUR, a_status_change, a_target_change
from tests.people import an_account
from tests.publishing import publish, publish_all
from tests.running import Service, Surroundings
from tests.waiting import eventually

ELSEWHERE = UnitRef(code="06004", name="xã Đào Viên", kind="commune")
CAO_LOC = UnitRef(code="180", name="huyện Tràng Định", kind="district")


class Sent(NamedTuple):
    """A server-sent event."""

    event: str
    id: str
    data: Any

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.data["items"]]


@asynccontextmanager
async def live(
    scoring: Service, key: str | None, number: int | None = None, session: str | None = None, **query: str
) -> AsyncIterator[AsyncIterator[Sent]]:
    """Yield the server-sent events, without what keeps the connection alive, to a key or to a person's session."""
    headers = {} if number is None else {"Last-Event-ID": str(number)}

    async def read(answer: httpx.Response) -> AsyncGenerator[Sent]:
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield Sent(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
                fields = {}

    if session:
        headers["Cookie"] = f"{SESSION_COOKIE}={session}"
    async with (
        scoring.client(key) as client,
        client.stream("GET", "/v1/changes/live", params=query, headers=headers, timeout=60) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(read(answer)) as events:
            yield events


async def listed(scoring: Service, key: str, **query: Any) -> dict[str, Any]:
    async with scoring.client(key) as client:
        answer = await client.get("/v1/changes", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def refused(scoring: Service, key: str, path: str = "/v1/changes", **query: Any) -> tuple[int, str]:
    async with scoring.client(key) as client:
        answer = await client.get(path, params=query)
    return answer.status_code, answer.json()["errors"][0]["pointer"]


async def test_changes_are_listed_by_day_newest_first_page_by_page(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    days = [date(2023, 6, day) for day in (1, 24, 25, 30)]
    changes = [a_status_change(on=day) for day in days]
    await publish_all(around, *changes)
    last_week = await listed(scoring, key)
    assert (last_week["since"], last_week["until"]) == ("2023-06-23", "2023-06-30")
    assert [item["on"] for item in last_week["items"]] == ["2023-06-30", "2023-06-25", "2023-06-24"]
    first = last_week["items"][0]
    assert first["id"] == str(changes[-1].id)
    assert (first["event"], first["before"], first["after"]) == ("fell_behind", "on_track", "behind")
    assert (first["criterion"]["name"]["vi"], first["district"]["code"]) == ("Nghèo đa chiều", "184")
    assert "18,19 %" in first["reason"]["vi"]
    assert "assessment" not in first

    whole = {"since": "2023-06-01", "until": "2023-06-30", "limit": 3}
    page = await listed(scoring, key, **whole)
    rest = await listed(scoring, key, **whole, cursor=page["next"])
    assert [item["on"] for item in page["items"] + rest["items"]] == [str(day) for day in reversed(days)]
    assert rest["next"] is None


async def test_only_what_is_asked_for_and_what_the_key_covers_is_listed_and_sent(
    around: Surroundings, scoring: Service
) -> None:
    province, district = await around.key("20"), await around.key("184")
    here = a_status_change(cohorts=["border-2023"])
    other = a_status_change(Event.MET, criterion=LABOUR)
    elsewhere = a_status_change(unit=ELSEWHERE, district=CAO_LOC)
    of_province = a_target_change()
    everything = [here, other, elsewhere, of_province]
    await publish_all(around, *everything)

    asked: list[tuple[str, dict[str, Any], list[Change]]] = [
        (province, {}, everything),
        (province, {"district": "184"}, [here, other]),
        (province, {"criterion": "ntm-12"}, [other]),
        (province, {"commitment": "poverty-communes"}, [of_province]),
        (province, {"cohort": "border-2023"}, [here]),
        (province, {"event": ["met", "lost"]}, [other]),
        (district, {}, [here, other]),
        (district, {"criterion": "ntm-11"}, [here]),
    ]
    for key, query, expected in asked:
        wanted = [str(change.id) for change in expected]
        assert [item["id"] for item in (await listed(scoring, key, **query))["items"]] == wanted[::-1]
        async with live(scoring, key, 0, **query) as events:
            assert (await anext(events)).ids == wanted
    assert await refused(scoring, district, district="180") == (403, "/district")
    for path in ("/v1/changes", "/v1/changes/live"):
        assert await refused(scoring, province, path, district="99999") == (422, "/district")
        assert await refused(scoring, province, path, criterion="ntm-99") == (400, "/criterion")
        assert await refused(scoring, province, path, cohort="nobody") == (400, "/cohort")
        both = {"criterion": "ntm-11", "commitment": "poverty-communes"}
        assert await refused(scoring, province, path, **both) == (400, "/commitment")
    assert await refused(scoring, province, since="2023-06-30", until="2023-06-01") == (400, "/since")


async def test_who_was_cut_off_goes_on_without_a_gap_and_without_a_double(
    around: Surroundings, scoring: Service
) -> None:
    key = await around.key("20")
    expected, seen = [], list[str]()
    number = (await listed(scoring, key))["live_after"]
    for _ in range(5):
        changes = [a_status_change() for _ in range(3)]
        expected += [str(change.id) for change in changes]
        await publish_all(around, *changes[:1])
        async with live(scoring, key, number) as events:
            await publish_all(around, *changes[1:])
            frame = await anext(events)
            seen, number = seen + frame.ids, int(frame.id)
    await scoring.kill()
    await scoring.start()
    async with live(scoring, key, number) as events:
        while len(seen) < len(expected):
            seen += (await anext(events)).ids
    assert seen == expected


async def test_a_stream_begins_when_it_knows_the_change_behind_which_it_goes_on(
    around: Surroundings, scoring: Service
) -> None:
    key, change = await around.key("20"), a_status_change()
    async with AsyncExitStack() as streams:
        async with around.engine.begin() as connection:
            await connection.execute(text("LOCK TABLE scoring.change IN ACCESS EXCLUSIVE MODE"))
            opening = asyncio.ensure_future(streams.enter_async_context(live(scoring, key)))
            await asyncio.wait([opening], timeout=1)
            assert not opening.done(), "what is published now would not be sent"
        events = await opening
        await publish_all(around, change)
        assert (await anext(events)).ids == [str(change.id)]


async def test_a_change_whose_transaction_ends_late_is_not_passed_by(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    late, early, last = a_status_change(), a_status_change(), a_status_change()
    lost, after_lost = a_status_change(), a_status_change()
    async with live(scoring, key, 0) as events:
        waiting = asyncio.ensure_future(anext(events))
        async with around.engine.begin() as connection:
            await publish(connection, late)
            await publish_all(around, early)  # with the higher number, and there first
            await asyncio.sleep(2)
            assert not waiting.done()
        assert (await waiting).ids == [str(late.id), str(early.id)]

        with suppress(RuntimeError):
            async with around.engine.begin() as connection:
                await publish(connection, lost)
                raise RuntimeError
        await publish_all(around, after_lost)
        assert (await anext(events)).ids == [str(after_lost.id)]
        await publish_all(around, last)
        assert (await anext(events)).ids == [str(last.id)]


async def test_who_is_too_far_behind_is_told_to_read_the_lists_again(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    await publish_all(around, *(a_status_change() for _ in range(KEPT + 1)))
    newest = (await listed(scoring, key))["live_after"]
    async with live(scoring, key, 0) as events:
        told = await anext(events)
        assert (told.event, told.id) == ("reset", str(newest))
        assert "đọc lại danh sách" in told.data["reason"]["vi"]
        change = a_status_change()
        await publish_all(around, change)
        assert (await anext(events)).ids == [str(change.id)]
    async with live(scoring, key, newest + 1000) as events:  # of a database that was there before
        assert (await anext(events)).event == "reset"


async def test_the_stream_ends_with_its_key(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20", agency="office")
    async with live(scoring, key) as events:
        await revoke_keys(around.engine, "office")
        with pytest.raises(StopAsyncIteration):
            await anext(events)


@pytest.mark.parametrize("end", ["disable", "reset", "sign out", "idle", "twelve hours"])
async def test_the_stream_ends_with_the_persons_session(around: Surroundings, scoring: Service, end: str) -> None:
    name = f"watches-{end.replace(' ', '-')}"
    await an_account(around.engine, name, "20", role="viewer")
    async with around.engine.begin() as connection:
        token = await begin_session(connection, name, utc_now())
    async with live(scoring, None, session=token) as events:
        change = a_status_change()
        await publish_all(around, change)
        assert (await anext(events)).ids == [str(change.id)]
        if end == "disable":
            await disable_account(around.engine, name)
        elif end == "reset":
            await reset_password(around.engine, name)
        elif end == "sign out":
            await end_session(around.engine, token)
        else:
            # well over: the use of this connection itself may be noted in this moment
            ended = {"used_at": utc_now() - 2 * IDLE} if end == "idle" else {"began_at": utc_now() - LONGEST}
            sessions = table_of(SessionRow)
            async with around.engine.begin() as connection:
                await connection.execute(update(sessions).where(sessions.c.account == name).values(ended))
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    async with scoring.client() as client:
        headers = {"Cookie": f"{SESSION_COOKIE}={token}"}
        assert (await client.get("/v1/changes/live", headers=headers)).status_code == 401


async def test_a_damaged_change_is_named_and_the_others_are_there(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    changes = [a_status_change() for _ in range(5)]
    await publish_all(around, *changes)
    damages = ["'[]'", "'{}'", "body - 'unit'", "jsonb_set(body, '{event}', '\"gone\"')"]
    for number, damage in enumerate(damages, 1):
        statement = f"UPDATE scoring.change SET body = {damage} WHERE number = {number}"  # noqa: S608 - of this test
        async with around.engine.begin() as connection:
            await connection.execute(text(statement))
    page = await listed(scoring, key)
    assert ([item["id"] for item in page["items"]], page["unreadable"]) == ([str(changes[4].id)], [4, 3, 2, 1])
    async with live(scoring, key, 0) as events:
        frame = await anext(events)
    assert (frame.ids, frame.data["unreadable"]) == ([str(changes[4].id)], [1, 2, 3, 4])


async def test_what_scoring_itself_publishes_is_sent(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    intake = await around.start("intake")
    async with live(scoring, key, criterion="ntm-11") as events, intake.client(key) as client:
        figures = {
            "unit": "06280",
            "period": "2023-06",
            "readings": {"households": 1000, "poor_households": 10, "near_poor_households": 0},
        }
        receipt = await client.post("/v1/submissions", json=figures)
        assert receipt.status_code == 202, receipt.text
        [change] = (await anext(events)).data["items"]
        assert (change["unit"]["code"], change["criterion"]["key"]) == ("06280", "ntm-11")
        assert change["submission"] == receipt.json()["id"]

        async def is_told() -> bool:
            return bool(await around.published("ntm.v1.status.184.06280.ntm-11"))

        await eventually(is_told)
        [message] = await around.published("ntm.v1.status.184.06280.ntm-11")
        assert json.loads(message.data)["id"] == change["id"]


async def test_a_browser_that_cannot_send_the_header_names_the_number_in_the_address(
    around: Surroundings, scoring: Service
) -> None:
    key = await around.key("20")
    page, first, second = await listed(scoring, key), a_status_change(), a_status_change()
    await publish_all(around, first, second)
    async with live(scoring, key, after=str(page["live_after"])) as events:
        sent = await anext(events)
    assert sent.ids == [str(first.id), str(second.id)]
    async with live(scoring, key, int(sent.id) - 1, after=str(page["live_after"])) as events:
        assert (await anext(events)).ids == [str(second.id)], "after a break the header holds"


async def test_forty_boards_hear_of_5000_changes_once_each_and_in_order(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    changes = [a_status_change() for _ in range(5000)]
    expected = [str(change.id) for change in changes]
    number, opened = (await listed(scoring, key))["live_after"], asyncio.Semaphore(0)

    async def board() -> list[str]:
        heard: list[str] = []
        async with live(scoring, key, number) as events:
            opened.release()
            while len(heard) < len(expected):
                sent = await anext(events)
                assert sent.event == "changes"
                heard += sent.ids
        return heard

    async with asyncio.TaskGroup() as group:
        boards = [group.create_task(board()) for _ in range(40)]
        for _ in boards:
            await opened.acquire()
        for start in range(0, len(changes), 250):
            await publish_all(around, *changes[start : start + 250])
    for each in boards:
        assert each.result() == expected
