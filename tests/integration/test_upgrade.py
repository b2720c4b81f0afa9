"""From the last release to today's programs, under load: old processes beside new ones, nothing lost or judged anew."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
from nats.aio.client import Client
from sqlalchemy import text

from deploy.local.sample import SAMPLE_COHORTS
from services.scoring.judging.version import JUDGING
from services.scoring.storage.judged_version import judging_of_state
from shared.backup.archive import verified
from tests.running import Surroundings, ntm, surroundings
from tests.servers import NatsServer
from tests.upgrade.filled import COMMUNE, DISTRICT, Filled, mail_server
from tests.upgrade.programs import RELEASES, TODAY, NoSuchCommitError, Programs, releases
from tests.waiting import eventually

_PAUSE_SECONDS = 0.1
"""Between two posts: a key may send so many a minute."""

SINCE, UNTIL = date(2023, 7, 1), date(2023, 7, 15)


LAST = RELEASES / releases()[-1]
KNOWN = json.loads((LAST / "known.json").read_text(encoding="utf-8"))

SUPERFLUOUS: set[str] = set()
"""Columns (`schema.table.column`) that the last release has and does not use any more: they may be removed now."""

_COLUMNS = text(
    "SELECT table_schema || '.' || table_name AS name, column_name, "
    "is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AS has_to_be_filled "
    "FROM information_schema.columns WHERE table_schema IN ('access', 'intake', 'scoring', 'notify')"
)


class Load:
    """Senders that post on, one figure after the other, to whatever door is open; each 202 is kept."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self.accepted: list[str] = []
        self.last = "no answer yet"

    async def run(self) -> None:
        """Post until cancelled."""
        revision = 1
        while True:
            service = self._filled.service("intake")
            figures = {"households": 1204, "poor_households": revision % 300, "near_poor_households": 9}
            item = {"unit": COMMUNE, "period": "2023-07", "revision": revision, "readings": figures, "confirmed": True}
            try:
                async with service.client(self._filled.keys[DISTRICT]) as client:
                    answer = await client.post("/v1/submissions", json=item)
            except httpx.TransportError as error:  # between two processes: the same again
                self.last = str(error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self.last = answer.text
            if answer.status_code == 202:
                self.accepted.append(answer.json()["id"])
            revision += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    async def goes_on(self) -> None:
        """Wait until more was accepted."""
        count = len(self.accepted)

        async def is_more() -> bool:
            return len(self.accepted) > count + 5

        await eventually(is_more, explain=lambda: self.last)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Post while the block runs."""
        task = asyncio.create_task(self.run())
        try:
            yield
            await self.goes_on()
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
async def old(
    database_url: str, nats: Client, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Surroundings]:
    """A system that runs by the last release's programs."""
    if "NTM_WITHOUT_HISTORY" in os.environ:
        pytest.skip("CI says that this clone cannot be made whole")
    monkeypatch.setenv("NTM_SAMPLE_COHORTS", str(SAMPLE_COHORTS))
    programs = Programs.of_commit(KNOWN["commit"], tmp_path / "programs")
    async with surroundings(database_url, nats, nats_server, tmp_path, programs.begin) as around:
        await programs.ntm("migrate", "--today", SINCE.isoformat(), **around.env, **around.user("migrate"))
        yield around


async def test_an_upgrade_under_load_loses_nothing_and_changes_no_verdict(old: Surroundings) -> None:
    around, filled = old, Filled(old)
    async with mail_server() as settings:
        await filled.start(**settings)
        before_all = [*around.services]
        await filled.fill(SINCE, UNTIL)
        known = await filled.known()
        load = Load(filled)
        async with load.running():
            await load.goes_on()
            await ntm("migrate", **around.env, **around.user("migrate"))
            await load.goes_on()  # the old programs work on the new schema
            around.begin = TODAY.begin
            await filled.start(**settings)  # beside the old ones
            await load.goes_on()
            for service in before_all:
                await service.stop()
            await load.goes_on()
        await filled.settled()
        found = await filled.known()
        unmoved = {key: status for key, status in known["statuses"].items() if not key.startswith(COMMUNE)}
        if KNOWN["judging"] == JUDGING:
            assert unmoved.items() <= found["statuses"].items()
            assert "The same" in await around.ntm("rebuild", "--verify")
        for kept in ("receipts", "evidence", "problems", "dossier", "contacts", "person"):
            assert found[kept] == known[kept], kept
        assert known["alerts"].keys() <= found["alerts"].keys()
        assert known["notices"].keys() <= found["notices"].keys()
        assert len(load.accepted) > 20
        async with filled.service("intake").client(filled.keys["20"]) as client:

            async def lacking() -> list[str]:
                tracked = [(await client.get(f"/v1/submissions/{receipt}")).json() for receipt in load.accepted]
                return [str(one) for one in tracked if one.get("status") != "scored"]

            async def has_all() -> bool:
                return not await lacking()

            await eventually(has_all)
        async with around.engine.connect() as connection:
            assert await judging_of_state(connection) == min(JUDGING, KNOWN["judging"])


def test_a_release_that_the_repository_does_not_hold_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NoSuchCommitError, match="git fetch --unshallow --tags"):
        Programs.of_commit("0" * 40, tmp_path / "programs")


async def test_migrations_since_the_last_release_only_add(around: Surroundings) -> None:
    """Its programs run on beside today's: they find each column that they know, and need to fill none that is new."""
    known = {
        f"{table.schema_name}.{table.name}": set(table.columns) for table in verified(LAST / "backup", None).tables
    }
    found: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    async with around.engine.connect() as connection:
        for row in await connection.execute(_COLUMNS):
            found[row.name][row.column_name] = row.has_to_be_filled
    lacking = {f"{table}.{column}" for table, columns in known.items() for column in columns - found[table].keys()}
    assert lacking <= SUPERFLUOUS, "removed a version too early"
    to_fill = {
        f"{table}.{column}"
        for table, columns in known.items()
        for column, has_to_be_filled in found[table].items()
        if has_to_be_filled and column not in columns
    }
    assert to_fill == set(), "the last release's programs do not fill these"
