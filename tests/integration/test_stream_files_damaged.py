"""Files of the stream of submissions are damaged by hand; the documented commands then make everything whole again.

One system stands for all forms of damage. NATS is stopped, a file is damaged, NATS is started again, and an agency
sends before anybody has noticed. Blocks are small, so that a damaged one is one of several.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.cli.migrate import prepare
from shared.contracts import subjects
from shared.nats.cloud_events import MESSAGE_ID
from shared.nats.roles import STREAMS_ACCOUNT
from shared.nats.stream_reader import read_stream
from shared.reference.load import load
from shared.signatures import HEADER as SIGNATURE
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.running import START, Service, Surroundings, settings_of, surroundings
from tests.servers import NatsServer, PostgresServer, start_nats
from tests.waiting import eventually

_STREAM = subjects.SUBMISSIONS_STREAM
_SMALL_BYTES = 120_000
"""A limit by which the server divides the stream into blocks of 32 KB."""

_SENT = (MESSAGE_ID, SIGNATURE, "ce-id", "ce-time")
_COMMUNES = load().units.communes(START, "20")
_FILLED = 60


@dataclass
class System:
    around: Surroundings
    server: NatsServer
    intake: Service
    key: str
    files: Path
    ids: list[str] = field(default_factory=list)

    async def post(self) -> httpx.Response:
        """Send the figures of the next commune."""
        async with self.intake.client(self.key) as client:
            answer = await client.post("/v1/submissions", json=a_posted_submission(unit=_COMMUNES[len(self.ids)].code))
        if answer.status_code == 202:
            self.ids.append(answer.json()["id"])
        return answer

    async def receipts(self) -> list[dict[str, Any]]:
        """Return the receipts once they say that everything is scored, which they hear a little later."""

        async def scored() -> list[dict[str, Any]]:
            async with self.intake.client(self.key) as client:
                answers = await asyncio.gather(*(client.get(f"/v1/submissions/{one}") for one in self.ids))
            found = [answer.json() for answer in answers]
            return found if all(receipt["status"] == "scored" for receipt in found) else []

        receipts: list[dict[str, Any]] = await eventually(scored)
        return receipts

    async def all_is_scored(self) -> bool:
        """Say whether the tables of intake and of scoring have each submission once."""
        return {await self._count(table) for table in ("intake.submission", "scoring.submission")} == {len(self.ids)}

    async def is_settled(self) -> bool:
        """Say whether, besides, what scoring made of them has come back to intake."""
        return await self.all_is_scored() and await self.around.nothing_waits_for("scoring", "intake")

    async def _count(self, table: str) -> int:
        async with self.around.engine.connect() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - of this test

    async def verdicts(self) -> dict[int, list[Any]]:
        """Return the verdicts by their commune's key."""
        found: dict[int, list[Any]] = {}
        async with self.around.engine.connect() as connection:
            for row in await connection.execute(text("SELECT * FROM scoring.status ORDER BY unit, criterion")):
                found.setdefault(row.unit, []).append(tuple(row))
        return found

    async def log(self) -> list[Any]:
        """Return the subjects, contents and headers of what the stream holds, but for what it has added itself."""
        return [
            (message.subject, message.data, {name: value for name, value in headers.items() if name in _SENT})
            async for batch in read_stream(self.around.nats, _STREAM, subjects.ALL_SUBMISSIONS)
            for message in batch
            if (headers := message.headers or {})
        ]

    async def damage(self, damage: Callable[[Path], object]) -> None:
        await self.server.stop()
        damage(self.files)
        await self.server.restart()

    async def migrate(self) -> None:
        """Run the command, and follow what it says of files that are in the way."""
        while directories := re.findall(r"jetstream/[^, ;]+", await self.around.ntm("migrate", status=None)):
            await self.server.stop()
            for directory in directories:
                shutil.rmtree(self.server.users.parent / directory, ignore_errors=True)
            await self.server.restart()


@pytest.fixture(scope="module")
async def system(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    directory = tmp_path_factory.mktemp("damaged")
    server = await start_nats(directory, embedded=True)
    url = await postgres_server.create_database()
    await prepare(settings_of(url, server), START)
    nats = await server.connect()
    js = nats.jetstream()
    await js.update_stream((await js.stream_info(_STREAM)).config.evolve(max_bytes=_SMALL_BYTES))
    await server.stop()
    await server.restart()
    async with surroundings(url, nats, server, directory, copied) as around:
        intake = await around.start("intake")
        await around.start("scoring")
        store = server.users.parent / "jetstream"
        files = store / STREAMS_ACCOUNT / "streams" / _STREAM
        system = System(around, server, intake, await around.key("20"), files)
        async with intake.client(system.key) as client:
            items = [a_posted_submission(unit=unit.code) for unit in _COMMUNES[:_FILLED]]
            answer = await client.post("/v1/submissions", json=items)
        system.ids = [item["id"] for item in answer.json()["items"]]
        await eventually(system.is_settled)
        assert len(blocks(files)) > 2
        yield system
    await nats.close()
    await server.stop()
    await postgres_server.drop_database(url)


def blocks(files: Path) -> list[Path]:
    return sorted((files / "msgs").glob("*.blk"), key=lambda block: int(block.stem))


def cut(file: Path, share: float) -> None:
    with file.open("r+b") as opened:
        opened.truncate(int(file.stat().st_size * share))


def write(file: Path, share: float, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(int(file.stat().st_size * share))
        opened.write(content)


def flip(file: Path, share: float) -> None:
    byte = file.read_bytes()[int(file.stat().st_size * share)]
    write(file, share, bytes([byte ^ 4]))


def spoil(files: Path, submission: str) -> None:
    """Change a submission's message in its block, so that its checksum tells."""
    for block in blocks(files):
        block.write_bytes(
            block.read_bytes().replace(f'"id":"{submission}'.encode(), b'"id":"?' + submission[1:].encode())
        )


def remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink()


def flip_without_index(files: Path) -> None:
    flip(blocks(files)[0], 0.4)
    remove([files / "msgs" / "index.db"])


def damage_what_comes_again(files: Path) -> None:
    cut(files / "msgs" / "index.db", 0.3)
    remove([files / "meta.sum", *files.glob("obs/*/o.dat")])


def overwrite_states(files: Path) -> None:
    for state in files.glob("obs/*/o.dat"):
        state.write_bytes(b"\xff garbage")


FORMS: dict[str, Callable[[Path], object]] = {
    "a bit of the last message flipped": lambda files: flip(blocks(files)[-1], 0.999),
    "a bit of a first block flipped, the index removed": flip_without_index,
    "the first block cut in half": lambda files: cut(blocks(files)[0], 0.5),
    "the last block torn": lambda files: cut(blocks(files)[-1], 0.99),
    "a middle block empty": lambda files: cut(blocks(files)[1], 0),
    "the last block with zeros": lambda files: write(blocks(files)[-1], 0.5, bytes(1500)),
    "the first of several blocks removed": lambda files: remove(blocks(files)[:1]),
    "the last block removed": lambda files: remove(blocks(files)[-1:]),
    "the index garbage": lambda files: (files / "msgs" / "index.db").write_bytes(b"\xff\x01garbage" * 9),
    "the configuration removed": lambda files: remove([files / "meta.inf"]),
    "the configuration garbage": lambda files: (files / "meta.inf").write_bytes(b'{"name": '),
    "the index cut, the sum of the configuration and the states of all consumers removed": damage_what_comes_again,
    "the states of all consumers garbage": overwrite_states,
    "the consumers' directory removed": lambda files: shutil.rmtree(files / "obs"),
    "everything removed": lambda files: shutil.rmtree(files),
}


@pytest.mark.parametrize("damage", FORMS.values(), ids=FORMS)
async def test_the_commands_make_all_whole_again(system: System, damage: Callable[[Path], object]) -> None:
    around, number = system.around, len(system.ids)
    log, receipts, verdicts = await system.log(), await system.receipts(), await system.verdicts()
    assert len(log) == number
    await system.damage(damage)
    before_repair = await system.post()

    await system.migrate()
    await around.ntm("audit", "repair")
    assert "All of it agrees" in await around.ntm("audit", "verify")

    if before_repair.status_code != 202:
        assert before_repair.status_code == 503, before_repair.text
        assert (await system.post()).status_code == 202
    await eventually(system.is_settled)
    again = await system.log()
    assert len(again) == number + 1
    assert all(message in again for message in log)
    assert (await system.receipts())[:number] == receipts
    now = await system.verdicts()
    assert {unit for unit in now if now[unit] != verdicts.get(unit)} == {_COMMUNES[number].key}


@pytest.mark.parametrize("number", [-1, -2, 0], ids=["the last", "the last but one", "the first"])
async def test_a_message_that_cannot_be_read_hides_no_other(system: System, number: int) -> None:
    """Nobody sends meanwhile, so that no readable message stands behind the damaged one."""
    log = await system.log()
    await system.damage(lambda files: spoil(files, json.loads(log[number][1])["id"]))
    assert "1 messages of ntm.v1.submissions.>" in await system.around.ntm("audit", "repair")
    again = await system.log()
    assert len(again) == len(log)
    assert all(message in again for message in log)


async def test_operators_hear_that_a_service_takes_nothing_until_it_does_again(system: System) -> None:
    async def open_troubles() -> str:
        return await system.around.ntm("operations")

    async def is_told() -> bool:
        return "scoring consumer" in await open_troubles()

    async def is_over() -> bool:
        return "consumer" not in await open_troubles()

    await system.damage(overwrite_states)
    await eventually(is_told)
    await system.migrate()
    assert (await system.post()).status_code == 202
    await eventually(system.all_is_scored)
    await eventually(is_over)


async def test_a_service_that_starts_waits_for_its_consumer(system: System) -> None:
    scoring = next(each for each in system.around.services if each.name == "scoring")
    await scoring.stop()
    await system.damage(overwrite_states)
    await scoring.spawn()
    await eventually(lambda: "start waits" in scoring.log.read_text())
    await system.migrate()
    await eventually(scoring.is_ready)
    assert (await system.post()).status_code == 202
    await eventually(system.all_is_scored)
    assert "Traceback" not in scoring.log.read_text()
