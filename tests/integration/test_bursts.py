"""Posts at one moment, through all doors and against two processes: never are two accepted that contradict each other.

`NTM_BURSTS=200` makes as many bursts of each kind; the suite makes a few.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from services.intake.doors.nats import STATUS_HEADER
from shared.contracts import subjects
from tests.running import Service, Surroundings
from tests.waiting import eventually

BURSTS = int(os.environ.get("NTM_BURSTS", "8"))
COMMUNES = ("06256", "06268", "06274", "06277", "06280", "06283", "06286", "06292")

type Send = Callable[[Surroundings, Service, str, dict[str, Any]], Awaitable[bool]]
"""Sends a submission through a door to a process; returns whether it was accepted."""


async def as_object(around: Surroundings, intake: Service, key: str, item: dict[str, Any]) -> bool:
    async with intake.client(key) as client:
        return (await client.post("/v1/submissions", json=item)).status_code == 202


async def in_array(around: Surroundings, intake: Service, key: str, item: dict[str, Any]) -> bool:
    """Send it between figures of another period, which are always acceptable."""
    readings = {"children_six": next(_numbers) % 50}
    other = {**item, "period": "2023-05", "readings": readings, "revision": next(_numbers), "confirmed": True}
    async with intake.client(key) as client:
        answer = await client.post("/v1/submissions", json=[other, item])
    return bool(answer.json()["items"][1]["status"] == "accepted")


async def as_line(around: Surroundings, intake: Service, key: str, item: dict[str, Any]) -> bool:
    async with intake.client(key) as client:
        answer = await client.post(
            "/v1/submissions", content=json.dumps(item) + "\n", headers={"Content-Type": "application/x-ndjson"}
        )
    return bool(json.loads(answer.text.splitlines()[0]).get("status") == "accepted")


async def by_upload(around: Surroundings, intake: Service, key: str, item: dict[str, Any]) -> bool:
    year, month = item["period"].split("-")
    names = [*item["readings"]]
    row = [item["unit"], f"{int(month)}/{year}", str(item.get("revision", 1)), *map(str, item["readings"].values())]
    content = ";".join(["unit", "period", "revision", *names]) + "\n" + ";".join(row) + "\n"
    async with intake.client(key) as client:
        answer = await client.post("/v1/uploads", content=content.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code in (202, 422), answer.text
    return answer.status_code == 202


async def by_request(around: Surroundings, intake: Service, key: str, item: dict[str, Any]) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    reply = await around.nats.request(subjects.SUBMIT, json.dumps(item).encode(), timeout=30, headers=headers)
    return bool((reply.headers or {})[STATUS_HEADER] == "202")


DOORS: tuple[Send, ...] = (as_object, in_array, as_line, by_upload, by_request)
_random = Random(1)  # noqa: S311 - no secret
_numbers = iter(range(1, 1_000_000))


@pytest.fixture(scope="module")
async def second_intake(shared_around: Surroundings, shared_intake: Service) -> Service:
    return await shared_around.start("intake")


def periods() -> list[tuple[str, str]]:
    """Return as many communes and months as there are bursts, each once."""
    months = [f"{year}-{month:02}" for year in range(2020, 2023) for month in range(1, 13)]
    return [(COMMUNES[number % len(COMMUNES)], months[number // len(COMMUNES)]) for number in range(BURSTS)]


async def burst(
    around: Surroundings, processes: list[Service], key: str, items: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Send all at one moment, each through another door to one of the processes; return those that were accepted."""
    doors = _random.sample(DOORS, len(items))
    accepted = await asyncio.gather(
        *(door(around, _random.choice(processes), key, item) for door, item in zip(doors, items, strict=True))
    )
    return [item for item, taken in zip(items, accepted, strict=True) if taken]


async def stands(around: Surroundings, unit: str, period: str) -> dict[str, Decimal]:
    """Return the standing figures, once the tables have everything."""
    js = around.nats.jetstream()
    last = (await js.stream_info(subjects.SUBMISSIONS_STREAM)).state.last_seq

    async def has_come() -> bool:
        info = await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.INTAKE_CONSUMER)
        return bool(info.ack_floor and info.ack_floor.stream_seq >= last)

    await eventually(has_come)
    query = text("""
        SELECT element, value FROM intake.reading AS r JOIN intake.submission AS s ON s.id = r.submission
        WHERE s.code = :unit AND r.period = :period
    """)
    async with around.engine.connect() as connection:
        return {row.element: row.value for row in await connection.execute(query, {"unit": unit, "period": period})}


async def test_figures_that_contradict_each_other_are_never_all_accepted(
    shared_around: Surroundings, shared_intake: Service, second_intake: Service, key: str
) -> None:
    for unit, period in periods():
        items = [
            {"unit": unit, "period": period, "readings": {element: value}, "confirmed": True}
            for element, value in (("households", 300), ("poor_households", 900), ("near_poor_households", 20))
        ]
        accepted = await burst(shared_around, [shared_intake, second_intake], key, _random.sample(items, 3))
        elements = {element for item in accepted for element in item["readings"]}
        assert not {"households", "poor_households"} <= elements, (unit, period)
        assert len(elements) == 2, (unit, period, elements)
        assert (await stands(shared_around, unit, period)).keys() == elements


async def test_what_a_district_and_its_commune_both_count_is_never_accepted_from_both_without_a_word(
    shared_around: Surroundings, shared_intake: Service, second_intake: Service, key: str
) -> None:
    """The commune's figure is refused beside the district's, and the district's is warned of the commune's."""
    months = [f"{year}-{month:02}" for year in range(2020, 2023) for month in range(1, 13)]
    for period in months[:BURSTS]:
        items = [
            {"unit": unit, "period": period, "readings": {"jobs_found": number}, "confirmed": True}
            for unit, number in (("184", 12), ("06280", 10), ("06283", 3))
        ]
        accepted = await burst(shared_around, [shared_intake, second_intake], key, _random.sample(items, 3))
        units = {item["unit"] for item in accepted}
        assert units, period
        warned = await warnings_of(shared_around, "184", period) if "184" in units else []
        if units > {"184"}:
            assert warned == ["counted_by_communes"], (period, units)
        else:
            assert warned == [], (period, units)


async def warnings_of(around: Surroundings, unit: str, period: str) -> list[str]:
    await stands(around, unit, period)
    query = text("SELECT warnings FROM intake.submission WHERE code = :unit AND period = :period")
    async with around.engine.connect() as connection:
        (found,) = await connection.scalars(query, {"unit": unit, "period": period})
    return [warning["code"] for warning in found]


async def test_of_equal_revisions_with_other_figures_one_is_accepted(
    shared_around: Surroundings, shared_intake: Service, second_intake: Service, key: str
) -> None:
    for unit, period in periods():
        items = [
            {
                "unit": unit, "period": period, "revision": 2, "confirmed": True,
                "readings": {"households": 1000 + number, "poor_households": 50 + number},
            }
            for number in range(5)
        ]  # fmt: skip
        # after the bursts of the test before something may stand for the period
        accepted = await burst(shared_around, [shared_intake, second_intake], key, items)
        assert len(accepted) == 1, (unit, period, accepted)
        standing = await stands(shared_around, unit, period)
        assert {name: int(standing[name]) for name in accepted[0]["readings"]} == accepted[0]["readings"]


async def test_the_same_submission_at_one_moment_has_one_receipt(
    shared_around: Surroundings, shared_intake: Service, second_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    for number, (unit, period) in enumerate(periods()):
        item = {"unit": unit, "period": period, "revision": 3, "readings": {"children_six": number}}
        processes = [shared_intake, second_intake]
        accepted = await asyncio.gather(
            *(
                door(shared_around, _random.choice(processes), key, item)
                for door in (as_object, as_line, by_request) * 2
            )
        )
        assert all(accepted), (unit, period)
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + BURSTS
