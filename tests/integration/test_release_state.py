"""The filled state of each release is restored by today's programs: nothing is lost, and work goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.scoring.judging.version import JUDGING
from tests.people import signed_in
from tests.running import ntm, surroundings
from tests.servers import PostgresServer, start_nats
from tests.upgrade.filled import COMMUNE, PERSON, Filled, mail_server
from tests.upgrade.programs import RELEASES, releases
from tests.waiting import eventually

MOST_BYTES = 2_000_000

TAGS = releases()


@dataclass
class Restored:
    """A release's state under today's programs, and what its own programs said of it."""

    filled: Filled
    known: dict[str, Any]


@pytest.fixture(scope="module", params=TAGS)
async def restored(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Restored]:
    state, directory = RELEASES / request.param, tmp_path_factory.mktemp("release")
    shutil.copytree(state / "signing", directory / "nats" / "users" / "signing")
    known = json.loads((state / "known.json").read_text(encoding="utf-8"))
    nats_server, url = await start_nats(directory, embedded=True), await postgres_server.create_database()
    nats = await nats_server.connect()
    async with mail_server() as settings, surroundings(url, nats, nats_server, directory) as around:
        await ntm("restore", str(state / "backup"), **around.env, **around.user("migrate"))
        filled = Filled(around, known["keys"], list(known["receipts"]), known["evidence_id"])
        await filled.start(**settings)
        await filled.settled()
        yield Restored(filled, known)
    await nats.close()
    await nats_server.remove()
    await postgres_server.drop_database(url)


@pytest.mark.parametrize("tag", TAGS)
def test_a_release_keeps_at_most_two_megabytes(tag: str) -> None:
    assert sum(path.stat().st_size for path in (RELEASES / tag).rglob("*")) < MOST_BYTES


async def test_nothing_is_lost_and_every_verdict_stands(restored: Restored) -> None:
    known, found = restored.known, await restored.filled.known()
    for kept in ("receipts", "evidence", "problems", "dossier", "contacts", "person"):
        assert found[kept] == known[kept], kept
    assert len(known["receipts"]) > 150
    for told in ("alerts", "notices"):  # more may be told since
        assert known[told].keys() <= found[told].keys(), told
        assert known[told]
    if known["judging"] == JUDGING:  # else CHANGELOG.md says what is judged otherwise
        assert found["statuses"] == known["statuses"]


async def test_a_rebuild_finds_the_same(restored: Restored) -> None:
    assert "The same" in await restored.filled.around.ntm("rebuild", "--verify")


async def test_pages_answer(restored: Restored) -> None:
    filled = restored.filled
    async with signed_in(filled.service("intake").url, PERSON) as person:
        cookies = dict(person.cookies)
    for name in ("intake", "scoring", "notify"):
        async with filled.service(name).client() as client:
            client.cookies.update(cookies)
            for path in ("/", "/v1/me"):
                answer = await client.get(path)
                assert answer.status_code == 200, (name, path, answer.text[:500])


async def test_figures_that_come_now_are_judged(restored: Restored) -> None:
    filled = restored.filled
    figures = {"households": 1204, "poor_households": 3, "near_poor_households": 2}
    about = {"unit": COMMUNE, "period": "2023-07", "revision": 7, "confirmed": True}
    (sent,) = await filled.post([{**about, "readings": figures}])

    async def is_scored() -> bool:
        async with filled.service("intake").client(filled.keys["20"]) as client:
            return bool((await client.get(f"/v1/submissions/{sent}")).json().get("status") == "scored")

    await eventually(is_scored)
    await filled.settled()
    assert "The same" in await filled.around.ntm("rebuild", "--verify")
