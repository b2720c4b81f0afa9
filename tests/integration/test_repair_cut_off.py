"""A repair that is killed half way, two at once, and what intake answers meanwhile."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from services.cli.migrate import prepare
from shared.contracts import subjects
from shared.nats.closed_streams import CLOSED_BYTES
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.integration.test_repair import Filled, content, filled, log_of, make_the_stream_anew, purge
from tests.running import Running, Service
from tests.waiting import eventually

__all__ = ["filled"]

_STREAM = subjects.SUBMISSIONS_STREAM


@asynccontextmanager
async def a_repair(filled: Filled) -> AsyncIterator[Running]:
    """Run `ntm audit repair` beside the block, and kill it at the end."""
    around = filled.around
    around.as_running_system().write(around.logs)
    command = (sys.executable, "-m", "services.cli.main", "audit", "repair")
    process = await copied(command, {"NTM_DATA": str(around.logs)}, around.logs / "repair.log")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


async def is_closed(filled: Filled) -> bool:
    return (await filled.around.nats.jetstream().stream_info(_STREAM)).config.max_msg_size == CLOSED_BYTES


async def holds_something(filled: Filled) -> bool:
    return await filled.around.stored(_STREAM) > 0


async def until(condition: Callable[[], Awaitable[bool]], process: Running) -> None:
    async def has_come() -> bool:
        return process.returncode is not None or await condition()

    await eventually(has_come)


@pytest.fixture
async def waiting(filled: Filled, scoring: Service) -> Filled:
    """A repair that has closed the stream and waits, since a message on it is in no table yet."""
    await make_the_stream_anew(filled)
    await filled.intake.stop()
    await filled.intake.start()
    await scoring.stop()
    async with filled.intake.client(filled.key) as client:
        new = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-05"))
        assert new.status_code == 202, new.text
    filled.ids.append(new.json()["id"])
    return filled


async def test_a_killed_repair_leaves_a_stream_that_the_next_start_opens(waiting: Filled, scoring: Service) -> None:
    around = waiting.around
    before = (await around.nats.jetstream().stream_info(_STREAM)).config
    async with a_repair(waiting), waiting.intake.client(waiting.key) as client:
        await eventually(lambda: is_closed(waiting))
        assert "Another ntm audit repair is running" in await around.ntm("audit", "repair", status=1)
        await prepare(around.settings, None)
        assert await is_closed(waiting), "a repair that runs is left alone"
        refused = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-04"))
        assert refused.status_code == 503
        assert "ntm audit repair" in refused.json()["detail"]
    assert await is_closed(waiting), "it was killed"
    await prepare(around.settings, None)
    after = (await around.nats.jetstream().stream_info(_STREAM)).config
    assert (after.max_msg_size, after.duplicate_window) == (before.max_msg_size, before.duplicate_window)
    await scoring.start()
    async with waiting.intake.client(waiting.key) as client:
        taken = await client.post("/v1/submissions", json=a_posted_submission(unit="06256", period="2023-04"))
        assert taken.status_code == 202, taken.text


async def test_the_next_repair_opens_the_stream_and_goes_on(waiting: Filled, scoring: Service) -> None:
    async with a_repair(waiting):
        await eventually(lambda: is_closed(waiting))
    await scoring.start()
    assert "open again" in await waiting.around.ntm("audit", "repair")
    assert not await is_closed(waiting)
    assert "All of it agrees" in await waiting.around.ntm("audit", "verify")


@pytest.mark.parametrize("damage", [purge, make_the_stream_anew], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("moment", [is_closed, holds_something], ids=lambda moment: moment.__name__)
async def test_what_a_killed_repair_has_begun_the_next_one_ends(
    filled: Filled, damage: Callable[[Filled], Awaitable[None]], moment: Callable[[Filled], Awaitable[bool]]
) -> None:
    around, log = filled.around, content(await log_of(filled.around))
    await damage(filled)
    async with a_repair(filled) as process:
        await until(lambda: moment(filled), process)
    await around.ntm("audit", "repair")
    assert content(await log_of(around)) == log
    assert not await is_closed(filled)
    assert "All of it agrees" in await around.ntm("audit", "verify")


async def test_a_commune_whose_last_message_is_lost_goes_on_reporting(filled: Filled) -> None:
    around = filled.around
    log = content(await log_of(around))
    await around.nats.jetstream().delete_msg(_STREAM, await filled.sequence(4))
    async with filled.intake.client(filled.key) as client:
        lost = a_posted_submission(unit="06004")
        lost["readings"] = {**lost["readings"], "poor_households": 130}
        refused = await client.post("/v1/submissions", json=lost)
        assert refused.json()["errors"][0]["code"] == "revision_taken", "the lost figures still stand"
        taken = await client.post("/v1/submissions", json={**lost, "revision": 2})
        assert taken.status_code == 202, taken.text
        two = [a_posted_submission(unit=unit, period="2023-02") for unit in ("06280", "06004")]
        assert (await client.post("/v1/submissions", json=two)).json()["items"][1]["status"] == "accepted"
        await eventually(lambda: _is_scored(filled, taken.json()["id"]))
    await around.ntm("audit", "repair")
    again = content(await log_of(around))
    assert all(message in again for message in log)
    assert "All of it agrees" in await around.ntm("audit", "verify")


async def _is_scored(filled: Filled, submission: str) -> bool:
    async with filled.around.engine.connect() as connection:
        query = text("SELECT count(*) FROM scoring.submission WHERE id = :id")
        return bool(await connection.scalar(query, {"id": submission}))
