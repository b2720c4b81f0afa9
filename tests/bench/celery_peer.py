"""The other peer of intake and scoring: Celery over Redis, whose tasks upsert the figures of a submission, and no more.

`python -m tests.bench.celery_peer` measures what a task costs the worker, Redis and PostgreSQL from the moment it is
sent until it is acknowledged; what sends it is not counted. `celery_app.py` and `redis.conf` are the whole of its
configuration. Needs Debian's package `redis-server`, and the packages of `requirements/bench.txt`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, create_engine

from deploy.local.supervisor import end, spawn
from shared.reference.load import load
from tests.bench.costs import note
from tests.bench.intake import ROUNDS, submissions
from tests.bench.naive import POSTS
from tests.bench.usage import Programs
from tests.ports import free_port
from tests.running import START, afresh
from tests.servers import start_postgres
from tests.waiting import eventually

PROCESSES = 2
QUEUE, UNACKNOWLEDGED = "celery", "unacked"
"""The keys under which Celery has Redis keep tasks that wait, and those that a worker has."""


def missing() -> list[str]:
    """Return what is to be installed before this peer can be measured."""
    found = {
        "redis-server (Debian: apt-get install redis-server)": shutil.which("redis-server"),
        "celery (.venv/bin/uv pip install --require-hashes -r requirements/bench.txt)": find_spec("celery"),
    }
    return [name for name, there in found.items() if not there]


@asynccontextmanager
async def redis(directory: Path) -> AsyncIterator[tuple[str, Any]]:
    """Run a Redis of its own; yield its URL and a client."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    port = free_port()
    config = Path(__file__).with_name("redis.conf")
    with (directory / "redis.log").open("ab") as log:
        command = ["redis-server", str(config), "--port", str(port), "--dir", str(directory)]
        server = await spawn(command, {}, log)
    client = Redis(port=port)

    async def answers() -> bool:
        try:
            return bool(await client.ping())
        except RedisError:
            return False

    try:
        await eventually(answers)
        yield f"redis://127.0.0.1:{port}/0", client
    finally:
        await client.aclose()
        await end(server)


async def main() -> None:
    """Measure it, where it is installed."""
    if lacks := missing():
        print(f"peer: Celery is not measured; install {' and '.join(lacks)}", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        postgres = await start_postgres(directory, embedded=True)
        try:
            async with redis(directory) as (broker, client):
                database = (await postgres.create_database()).replace("+asyncpg", "+psycopg")
                SQLModel.metadata.tables["naivefigure"].create(create_engine(database))
                await measured(directory, broker, database, client)
        finally:
            await postgres.remove()


async def measured(directory: Path, broker: str, database: str, client: Any) -> None:
    """Note what a task costs, several times over."""
    env = {"NTM_PEER_BROKER": broker, "NTM_PEER_DATABASE": database}
    os.environ |= env
    from tests.bench.celery_app import store

    options = ["--concurrency", str(PROCESSES), "--without-gossip", "--without-mingle", "--loglevel", "warning"]
    command = [sys.executable, "-m", "celery", "--app", "tests.bench.celery_app", "worker", *options]
    worker = await afresh(command, env, directory / "celery.log")

    async def is_done() -> bool:
        return not await client.llen(QUEUE) + await client.hlen(UNACKNOWLEDGED)

    try:
        units = load().units.communes(START, "20")
        source, programs = submissions([unit.code for unit in units]), Programs(worker)
        await asyncio.to_thread(store.delay, json.loads(next(source)))
        await eventually(is_done)  # it has begun, and has imported everything
        for _ in range(ROUNDS):
            posted = [json.loads(body) for body in itertools.islice(source, POSTS)]
            before = programs.usage()
            await asyncio.to_thread(lambda tasks: [store.delay(task) for task in tasks], posted)
            await eventually(is_done, 300)
            note(
                "peer: Celery over Redis with an upsert a task (Redis as broker)",
                programs.usage().since(before),
                POSTS,
            )
    finally:
        await end(worker)


if __name__ == "__main__":
    asyncio.run(main())
