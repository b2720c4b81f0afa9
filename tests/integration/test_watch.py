"""`ntm watch`: how everything stands where asked, then each change that scoring has judged, also over a break."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from shared.access.agency_keys import revoke_keys
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.nats.cloud_events import Message
from tests.builders import a_posted_submission
from tests.changes import a_status_change, a_target_change
from tests.forked import Forked, copied
from tests.integration.notify_service import as_message
from tests.publishing import publish_all
from tests.running import Service, Surroundings
from tests.waiting import eventually


@asynccontextmanager
async def watching(around: Surroundings, key: str, *options: str) -> AsyncIterator[tuple[Forked, Callable[[], Any]]]:
    """Run `ntm watch` until it follows; yield its process, and a function that returns what it has printed so far, with
    one space in place of each gap and each new line.
    """
    around.as_running_system().write(around.logs)
    file = around.logs / "watched"
    file.unlink(missing_ok=True)
    file.touch()

    async def printed() -> str:
        return " ".join((await asyncio.to_thread(file.read_text)).split())

    async def follows() -> bool:
        return "Ctrl-C" in await printed()

    env = {"COLUMNS": "300", "NTM_DATA": str(around.logs), "NTM_KEY": key}
    process = await copied((sys.executable, "-m", "services.cli.main", "watch", *options), env, file)
    try:
        await eventually(follows)
        yield process, printed
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def prints(printed: Callable[[], Any], words: str) -> str:
    """Wait until it has printed these words; return all that it has printed."""
    text = ""

    async def has_printed() -> bool:
        nonlocal text
        text = await printed()
        return words in text

    await eventually(has_printed, explain=lambda: text)
    return text


async def test_watch_prints_each_change_once_in_both_languages_also_over_a_break(
    around: Surroundings, scoring: Service
) -> None:
    commune = UnitRef(code="06004", name="xã Đào Viên", kind="commune")
    async with watching(around, await around.key("20")) as (_, printed):
        await publish_all(around, a_status_change(Event.FELL_BEHIND))
        text = await prints(printed, "households to go")
        assert re.search(r"30/06/2023 06280 xã Điềm He ntm-11 Nghèo đa chiều chậm tiến độ / fell behind", text)
        assert "còn kém 2,59 điểm phần trăm" in text
        assert "2.59 points short" in text
        await scoring.kill()
        await prints(printed, "no change is left out")
        await publish_all(around, a_status_change(Event.LOST, unit=commune))
        await scoring.start()
        await prints(printed, "06004")
        await publish_all(around, a_target_change(Event.MISSED))
        text = await prints(printed, "87/181 xã đạt tiêu chí Nghèo đa chiều")
    assert [text.count(words) for words in ("06280", "06004", "no longer met", "quá hạn chưa đạt / missed")] == [
        1,
        1,
        1,
        1,
    ]


async def test_watch_begins_with_how_everything_stands_and_leaves_nothing_out_behind_it(
    around: Surroundings, scoring: Service
) -> None:
    intake = await around.start("intake")
    async with intake.client(await around.key("20")) as client:
        receipt = await client.post("/v1/submissions", json=a_posted_submission())
        assert receipt.status_code == 202, receipt.text

        async def is_scored() -> bool:
            return bool((await client.get(f"/v1/submissions/{receipt.json()['id']}")).json()["status"] == "scored")

        await eventually(is_scored)
    async with watching(around, await around.key("20"), "--all") as (_, printed):
        standing, _, behind = (await printed()).partition("Ctrl-C")
        assert re.search(r"30/06/2023 06280 xã Điềm He ntm-11 Nghèo đa chiều chưa đạt", standing)
        assert "06280" not in behind
        await publish_all(around, a_status_change(Event.RECOVERED))
        await prints(printed, "06280 xã Điềm He ntm-11 Nghèo đa chiều trở lại đúng tiến độ / back on track")


async def test_watch_never_shows_a_forged_change(around: Surroundings, scoring: Service) -> None:
    forged = as_message(a_status_change(Event.LOST))
    async with watching(around, await around.key("20")) as (_, printed):
        for message in (forged, Message(forged.subject, b"{}", {})):
            await around.nats.jetstream().publish(message.subject, message.body)
        await publish_all(around, a_status_change(Event.MET))
        text = await prints(printed, "đạt / met")
    assert "no longer met" not in text


async def test_watch_ends_with_a_word_when_its_key_has_ended(around: Surroundings, scoring: Service) -> None:
    async with watching(around, await around.key("20", agency="watcher")) as (process, printed):
        await revoke_keys(around.engine, "watcher")
        assert await process.wait() == 1
        assert "401" in await printed()
        assert "Traceback" not in await printed()
