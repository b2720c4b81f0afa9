"""The benchmarks count the servers' time of the processor, on a machine with a Docker engine too."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

_MEASURING = """
import asyncio, sys
from pathlib import Path
import asyncpg
from tests.bench import raw
from tests.bench.usage import Programs
from tests.servers import start_nats, start_postgres

async def main(directory):
    try:
        Programs()
    except LookupError as error:
        print(error)
    server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
    programs = Programs()
    before = programs.usage()
    connection = await asyncpg.connect(postgres.url.replace("+asyncpg", ""))
    await connection.execute("SELECT count(*) FROM generate_series(1, 2000000)")
    nats = await server.connect()
    await raw.publish(nats, b"x" * 600, 2_000)
    took = programs.usage().since(before)
    await nats.close()
    await connection.close()
    await server.remove()
    await postgres.remove()
    print(took.services == 0, took.postgres > 0, took.broker > 0, took.own > 0)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_servers_are_measured_as_children_and_never_counted_as_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "NTM_TEST_SERVERS": "containers"}
    command = (sys.executable, "-c", _MEASURING, str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=-1, stderr=-1)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    refused, measured = output.decode().splitlines()
    assert "embedded=True" in refused
    assert measured == "True True True True"
