"""`ntm audit repair` fills the stream STATUS again from the tables; services go on, and nobody is told anew."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.cli.migrate import prepare
from shared.contracts import subjects
from tests.integration.test_rebuild_told import sent
from tests.integration.test_restore_beside_streams import COMMUNES, Told, follows, told

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
    js = told.filled.around.nats.jetstream()
    await js.delete_msg(_STREAM, (await js.stream_info(_STREAM)).state.first_seq)


@pytest.mark.parametrize(
    "damage", [delete_the_stream, make_the_stream_anew, purge, lose_the_first], ids=lambda damage: damage.__name__
)
async def test_what_was_published_is_there_again_and_nobody_is_told_anew(
    told: Told, damage: Callable[[Told], Awaitable[None]]
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

    await told.filled.post(COMMUNES[:1], 31, revision=3)
    await told.settled()
    assert follows(await told.changes())
    assert len(sent(told.notify)) > len(before) + len(news), "what is new is told"
    await around.ntm("rebuild", "--verify")
