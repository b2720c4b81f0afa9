"""`ntm audit repair` fills the stream STATUS again from the tables; services go on, and nobody is told anew.

Of the streams that no table keeps whole it says what they have lost, what remains and what to do.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import nats as nats_client
import pytest
from nats.aio.client import Client

from services.cli.migrate import prepare
from services.scoring.storage.judged_version import judged_version
from shared.contracts import subjects
from shared.nats.mirrors import ensure_mirrors
from shared.nats.roles import MIRRORED, OFFICE, OFFICE_MIGRATE
from shared.nats.users import login, seed_file
from shared.reference.archive import read_files
from shared.reference.load import PACKAGED, follow_each_other, load
from shared.service.reference_versions import install
from shared.time import utc_now
from tests.builders import a_posted_submission
from tests.integration.test_rebuild_told import sent
from tests.integration.test_restore_beside_streams import COMMUNES, Told, follows, told
from tests.running import Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

__all__ = ["told"]

pytestmark = pytest.mark.usefixtures("binding")

_STREAM = subjects.STATUS_STREAM
_IN_TABLES = (
    subjects.ALL_STATUSES,
    subjects.ALL_TARGETS,
    subjects.ALL_TARGETS_V2,
    subjects.ALL_PROBLEMS,
    subjects.ALL_DOSSIERS,
)


async def log_of(told: Told) -> dict[str, list[Any]]:
    """Return by subject the messages that the tables keep, in order."""
    found: dict[str, list[Any]] = {}
    for family in _IN_TABLES:
        for message in await told.filled.around.published(family):
            found.setdefault(message.subject, []).append(json.loads(message.data))
    return found


async def delete_the_stream(told: Told) -> None:
    await told.filled.around.nats.jetstream().delete_stream(_STREAM)


async def make_the_stream_anew(told: Told) -> None:
    """The stream is made again, and takes messages before it is filled."""
    await delete_the_stream(told)
    await prepare(told.filled.around.settings, None)
    await told.filled.post(COMMUNES[2:], 240, revision=2)
    await told.settled()


async def purge(told: Told) -> None:
    await told.filled.around.nats.jetstream().purge_stream(_STREAM)


async def lose_the_first(told: Told) -> None:
    first, *_ = await told.filled.around.published(subjects.ALL_STATUSES)
    await told.filled.around.nats.jetstream().delete_msg(_STREAM, first.metadata.sequence.stream)


@pytest.fixture
async def mirrors(told: Told, nats_server: NatsServer) -> AsyncIterator[Client]:
    """The mirrors of the office, by the connection that makes them."""
    office = await nats_client.connect(nats_server.url, **login(seed_file(nats_server.users, OFFICE_MIGRATE.name)))
    await told.filled.around.ntm("migrate")
    yield office
    for stream in MIRRORED:  # other tests have the same server, and streams of their own
        await office.jetstream().delete_stream(stream)
    await office.close()


async def mirrored_ids(server: NatsServer) -> set[str]:
    """Return the ids that the office finds on its mirror of the stream."""
    office = await nats_client.connect(server.url, **login(seed_file(server.users, OFFICE.name)))
    try:
        js = office.jetstream()
        subscription = await js.subscribe("ntm.>", stream=_STREAM, ordered_consumer=True)
        number = (await js.stream_info(_STREAM)).state.messages
        messages = [await subscription.next_msg(timeout=30) for _ in range(number)]
        return {(message.headers or {})["Nats-Msg-Id"] for message in messages}
    finally:
        await office.close()


@pytest.mark.parametrize(
    "damage", [delete_the_stream, make_the_stream_anew, purge, lose_the_first], ids=lambda damage: damage.__name__
)
async def test_what_was_published_is_there_again_and_nobody_is_told_anew(
    told: Told, mirrors: Client, nats_server: NatsServer, damage: Callable[[Told], Awaitable[None]]
) -> None:
    around = told.filled.around
    await told.filled.post(COMMUNES[:2], 240, revision=2)
    async with told.filled.service("intake").client(told.filled.key) as client:
        body = {"unit": COMMUNES[0], "criterion": "ntm-11", "kind": "funding", "words": "Thiếu vốn vay"}
        reported = await client.post("/v1/problems", json=body)
        assert reported.is_success, reported.text
    await told.settled()
    log, verdicts, receipts = await log_of(told), await told.verdicts(), await told.receipts()
    before = sent(told.notify)
    await damage(told)
    news = [one for one in sent(told.notify) if one not in before]
    said = await around.ntm("audit", "repair")
    assert "were put on the stream again" in said
    await told.settled()
    after = await log_of(told)
    for subject, messages in log.items():
        assert after[subject][: len(messages)] == messages, subject
    assert follows(await told.changes())
    assert len(sent(told.notify)) == len(before) + len(news), "nobody is told anew"
    if damage is not make_the_stream_anew:
        assert await told.verdicts() == verdicts
        assert await told.receipts() == receipts
    assert "lacks nothing" in await around.ntm("audit", "repair")

    assert "run ntm migrate" in said
    await around.ntm("migrate")
    assert await ensure_mirrors(around.nats, mirrors, dry_run=True) == []
    ids = {one["id"] for messages in log.values() for one in messages}

    async def the_office_has_all() -> bool:
        return ids <= await mirrored_ids(nats_server)

    await eventually(the_office_has_all)

    await told.filled.post(COMMUNES[:1], 31, revision=3)
    await told.settled()
    assert follows(await told.changes())
    assert len(sent(told.notify)) > len(before) + len(news), "what is new is told"
    await around.ntm("rebuild", "--verify")


async def delete(around: Surroundings, stream: str) -> None:
    await around.nats.jetstream().delete_stream(stream)


async def make_anew(around: Surroundings, stream: str) -> None:
    await delete(around, stream)
    await around.ntm("migrate")


async def purge_it(around: Surroundings, stream: str) -> None:
    await around.nats.jetstream().purge_stream(stream)


PLANS = follow_each_other([load()])
_REMAINS = {
    subjects.REFERENCE_STREAM: "verdicts are still there",
    subjects.REFUSALS_STREAM: "GET /v1/refusals",
    subjects.ALERTS_STREAM: "GET /v1/notices",
}


@pytest.mark.parametrize("damage", [delete, make_anew, purge_it], ids=lambda damage: damage.__name__)
async def test_of_a_stream_that_cannot_be_filled_it_is_said_what_is_lost_and_what_remains(
    around: Surroundings, damage: Callable[[Surroundings, str], Awaitable[None]]
) -> None:
    intake = await around.start("intake", NTM_CLOCK="real")  # the age of a refusal is by the real clock
    await around.start("scoring")
    key = await around.key("184")
    files, now = read_files(PACKAGED), utc_now()
    await install(around.nats, PLANS, None, files, author="An", reason="Quyết định 12/QĐ-UBND", after=0, at=now)

    async def is_judged_by() -> bool:
        async with around.engine.connect() as connection:
            return await judged_version(connection) == 1

    await eventually(is_judged_by)
    async with intake.client(key) as client:
        refused = await client.post("/v1/submissions", json=a_posted_submission(unit="99999"))
        assert refused.status_code == 422, refused.text

        async def are_listed() -> bool:
            return bool((await client.get("/v1/refusals")).json()["items"])

        await eventually(are_listed)
    assert "lacks nothing" in await around.ntm("audit", "repair")
    for stream in (subjects.REFERENCE_STREAM, subjects.REFUSALS_STREAM):
        await damage(around, stream)
    said = await around.ntm("audit", "repair", status=1)
    for stream, remains in _REMAINS.items():
        assert (remains in said) == (stream != subjects.ALERTS_STREAM), said
