"""The examples of subscribing run as they are documented: the picture, then each change, over a break, by one id."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats as nats_client

from shared.contracts import subjects
from shared.nats.mirrors import ensure_mirrors
from shared.nats.roles import OFFICE, OFFICE_MIGRATE
from shared.nats.users import login, seed_file
from tests.changes import a_status_change
from tests.publishing import publish_all
from tests.running import Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


@asynccontextmanager
async def following(name: str, *arguments: str, **env: str) -> AsyncIterator[Any]:
    """Yield a function that returns the ids of the next changes that an example prints; kill it at the end."""
    command = (sys.executable, str(EXAMPLES / name), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env, limit=2**20)
    assert process.stdout
    lines = process.stdout

    async def ids(count: int) -> list[str]:
        return [(await asyncio.wait_for(lines.readline(), 60)).decode().partition(" ")[0] for _ in range(count)]

    yield ids
    await asyncio.sleep(0.5)  # it keeps its place after it has printed
    process.kill()
    await process.wait()


async def test_the_same_events_come_by_nats_and_by_http_once_each_over_a_break(
    around: Surroundings, nats_server: NatsServer, tmp_path: Path
) -> None:
    scoring = await around.start("scoring")
    migrate = await nats_client.connect(nats_server.url, **login(seed_file(around.users, OFFICE_MIGRATE.name)))
    await ensure_mirrors(around.nats, migrate)
    by_nats = ("follow_nats.py", nats_server.url, str(seed_file(around.users, OFFICE.name)), str(tmp_path / "nats"))
    by_http = ("follow_http.py", scoring.url, str(tmp_path / "http"))
    key = await around.key("20")
    before = [a_status_change() for _ in range(2)]
    await publish_all(around, *before)

    async def are_mirrored() -> bool:
        return (await migrate.jetstream().stream_info(subjects.STATUS_STREAM)).state.messages == len(before)

    await eventually(are_mirrored)
    await migrate.close()
    first, away, last = ([a_status_change() for _ in range(3)] for _ in range(3))
    heard: dict[str, list[str]] = {"nats": [], "http": []}

    async def begins() -> bool:
        return (tmp_path / "http").exists()

    async def hear(count: int, picture: int = 0, meanwhile: Any = ()) -> None:
        async with following(*by_nats) as nats, following(*by_http, NTM_KEY=key) as http:
            shown = await nats(picture)
            assert shown == [str(change.id) for change in before[-picture:] if picture]
            await eventually(begins)
            await publish_all(around, *meanwhile)
            heard["nats"] += await nats(count)
            heard["http"] += await http(count)

    await hear(3, picture=1, meanwhile=first)
    await publish_all(around, *away)
    await hear(6, meanwhile=last)
    expected = [str(change.id) for change in (*first, *away, *last)]
    assert heard == {"nats": expected, "http": expected}
