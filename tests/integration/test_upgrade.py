"""From the last release to today's programs, under load: old processes beside new ones, nothing lost or judged anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
from nats.aio.client import Client

from deploy.local.sample import SAMPLE_COHORTS
from services.scoring.judging.version import JUDGING
from services.scoring.storage.judged_version import judging_of_state
from tests.running import Surroundings, ntm, surroundings
from tests.servers import NatsServer
from tests.upgrade.filled import COMMUNE, DISTRICT, Filled, mail_server
from tests.upgrade.programs import RELEASES, TODAY, NoSuchCommitError, Programs
from tests.waiting import eventually

SINCE, UNTIL = date(2023, 5, 15), date(2023, 7, 31)


def released() -> tuple[str, dict[str, object]]:
    """Return the commit of the last release and the facts about its state."""
    newest = max(RELEASES.iterdir(), key=lambda path: [int(part) for part in path.name[1:].split(".")])
    known = json.loads((newest / "known.json").read_text(encoding="utf-8"))
    return known["commit"], known


class Load:
    """Senders that post on, one figure after the other, to whatever door is open; each 202 is kept."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self.accepted: list[str] = []

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
            except httpx.TransportError:  # between two processes: the same again
                continue
            if answer.status_code == 202:
                self.accepted.append(answer.json()["id"])
            revision += 1

    async def goes_on(self) -> None:
        """Wait until more was accepted."""
        count = len(self.accepted)

        async def is_more() -> bool:
            return len(self.accepted) > count + 5

        await eventually(is_more)

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
async def old(database_url: str, nats: Client, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Surroundings]:
    """A system that runs by the last release's programs."""
    programs = Programs.of_commit(released()[0], tmp_path / "programs")
    async with surroundings(database_url, nats, nats_server, tmp_path, programs.begin) as around:
        around.env["NTM_SAMPLE_COHORTS"] = str(SAMPLE_COHORTS)
        await programs.ntm("migrate", "--today", SINCE.isoformat(), **around.env, **around.user("migrate"))
        yield around


async def test_an_upgrade_under_load_loses_nothing_and_changes_no_verdict(old: Surroundings) -> None:
    around, filled = old, Filled(old)
    async with mail_server() as of_notify:
        await filled.start(**of_notify)
        before_all = [*around.services]
        await filled.fill(SINCE, UNTIL)
        known = await filled.known()
        load = Load(filled)
        async with load.running():
            await load.goes_on()
            await ntm("migrate", **around.env, **around.user("migrate"))
            await load.goes_on()  # the old programs work on the new schema
            around.begin = TODAY.begin
            await filled.start(**of_notify)  # beside the old ones
            await load.goes_on()
            for service in before_all:
                await service.stop()
            await load.goes_on()
        await filled.settled()
        found = await filled.known()
        unmoved = {key: status for key, status in known["statuses"].items() if not key.startswith(COMMUNE)}
        if released()[1]["judging"] == JUDGING:
            assert unmoved.items() <= found["statuses"].items()
            assert "The same" in await around.ntm("rebuild", "--verify")
        for kept in ("receipts", "evidence", "problems", "dossier", "contacts", "person"):
            assert found[kept] == known[kept], kept
        assert known["alerts"].keys() <= found["alerts"].keys()
        assert known["notices"].keys() <= found["notices"].keys()
        assert len(load.accepted) > 20
        async with filled.service("intake").client(filled.keys["20"]) as client:
            for receipt in load.accepted:
                answer = await client.get(f"/v1/submissions/{receipt}")
                assert (answer.status_code, answer.json()["status"]) == (200, "scored"), answer.text
        async with around.engine.connect() as connection:
            assert await judging_of_state(connection) == min(JUDGING, int(str(released()[1]["judging"])))


def test_a_release_that_the_repository_does_not_hold_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NoSuchCommitError, match="git fetch --unshallow --tags"):
        Programs.of_commit("0" * 40, tmp_path / "programs")
