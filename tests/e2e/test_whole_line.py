"""The whole line as a person runs it: `ntm up`, a key, a figure over HTTP, and the mail that arrives.

All tests of this file share one system; each test takes communes of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import nats as nats_client
import pytest

from deploy.local.running_system import RunningSystem
from shared.nats.users import login
from tests.http_client import http_client
from tests.people import signed_in
from tests.ports import free_ports
from tests.running import ntm
from tests.waiting import eventually

NTM = (sys.executable, "-m", "services.cli.main")


@dataclass
class Whole:
    """A system that `ntm up` started, and the commands that find it."""

    data: Path
    process: asyncio.subprocess.Process
    running: RunningSystem
    greeting: str = ""
    """What `ntm up` printed once everything ran."""
    key: str = ""

    async def ntm(self, *arguments: str, status: int = 0) -> str:
        """Run a command and return its output."""
        child = await asyncio.create_subprocess_exec(
            *NTM, *arguments, "--data", str(self.data), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await child.communicate()
        assert child.returncode == status, output.decode()
        return output.decode()

    async def post(self, unit: str, poor: int, period: str = "2023-06", **changes: Any) -> httpx.Response:
        counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
        body = {"unit": unit, "period": period, "confirmed": True, "readings": counts, **changes}
        async with self.client() as client:
            return await client.post(f"{self.running.intake_url}/v1/submissions", json=body)

    def client(self) -> httpx.AsyncClient:
        return http_client(key=self.key)

    async def sent(self, kind: str, containing: str) -> list[dict[str, Any]]:
        """Return the mails or SMS that arrived with these words in them."""
        async with self.client() as client:
            items = (await client.get(f"{self.running.postbox_url}/outbox.json", params={"limit": 1000})).json()[
                "items"
            ]
        return [item for item in items if item["kind"] == kind and containing in f"{item['subject']} {item['text']}"]

    async def status_of(self, unit: str, criterion: str = "ntm-11") -> str:
        async with self.client() as client:
            commune = (await client.get(f"{self.running.scoring_url}/v1/communes/{unit}")).json()
        return next(item["status"] for item in commune["statuses"] if item["criterion"]["key"] == criterion)

    def pids(self, name: str) -> list[int]:
        """Return the ids of a service's processes."""
        found, port = [], getattr(self.running, f"{name}_url").rpartition(":")[2]
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = place.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if f"services.{name}.app:app" in words and port in words:
                found.append(int(place.parent.name))
        return found


@asynccontextmanager
async def up(data: Path, base: int, *options: str) -> AsyncIterator[Whole]:
    """Run `ntm up` until the block ends, and end it by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *NTM, "up", "--data", str(data), "--ports-from", str(base), *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    greeting = ""
    try:
        async with asyncio.timeout(90):
            while "Ctrl-C" not in (line := (await process.stdout.readline()).decode()):
                assert line, "it ended early"
                greeting += line
        yield Whole(data, process, RunningSystem.find(data), greeting)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0


def four_ports() -> int:
    return free_ports(4)


@pytest.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    async with up(tmp_path_factory.mktemp("whole"), four_ports(), "--empty", "--today", "2023-06-30") as system:
        added = await system.ntm("agency", "add", "Văn phòng Điều phối", "--unit", "20")
        found = re.search(r"ntm_[0-9a-f]{12}_\S+", added)
        assert found
        system.key = found[0]
        yield system


async def test_a_posted_figure_becomes_a_status_an_event_a_mail_and_an_sms(whole: Whole) -> None:
    heard: list[dict[str, Any]] = []

    async def hear(message: Any) -> None:
        heard.append(json.loads(message.data))

    plain = await nats_client.connect(whole.running.nats_url, **login(whole.running.nats_seed_file))
    await plain.subscribe("ntm.v1.status.184.06280.>", cb=hear)

    assert (await whole.post("06280", 70, "2023-05")).status_code == 202
    await eventually(lambda: _is(whole, "06280", "met"))
    worse = await whole.post("06280", 200)
    assert worse.status_code == 202
    await eventually(lambda: _is(whole, "06280", "not_met"))
    lost = await eventually(lambda: _heard(heard, "lost", "ntm-11"))
    assert lost["submission"] == worse.json()["id"]

    # the late report was told as well: this is about the mail of what was lost, which each recipient gets at its time
    async def mails_about_the_loss() -> list[dict[str, Any]]:
        sent = await whole.sent("mail", "20 % (200/1.000")
        return sent if any("phong-ldtbxh-184@langson.example" in mail["to"] for mail in sent) else []

    mails = await eventually(mails_about_the_loss)
    texts = await eventually(lambda: whole.sent("sms", "Diem He"))
    await plain.close()

    assert {"phong-ldtbxh-184@langson.example"} <= {to for mail in mails for to in mail["to"]}
    assert mails[0]["subject"].startswith("Điềm He")
    assert "tiêu chí 11" in mails[0]["subject"]
    # alone, or together with that of the advanced set
    assert "Xã Điềm He (06280)" in mails[0]["text"] or "06280 Điềm He" in mails[0]["text"]
    assert texts[0]["text"].isascii()
    assert len(texts[0]["text"]) <= 160
    printed = await whole.ntm("outbox")
    assert "06280" in printed
    assert "chưa đạt" in await whole.ntm("status", "--district", "184")


async def _is(whole: Whole, unit: str, status: str) -> bool:
    return await whole.status_of(unit) == status


async def _heard(heard: list[dict[str, Any]], event: str, criterion: str) -> dict[str, Any] | None:
    return next((one for one in heard if one["event"] == event and one["criterion"]["key"] == criterion), None)


async def test_files_are_posted_and_posting_them_again_changes_nothing(whole: Whole, tmp_path: Path) -> None:
    table = tmp_path / "june.csv"
    table.write_text(
        "unit;period;households;poor_households;near_poor_households\n06121;2023-06;500;20;5\n06637;2023-06;400;9;5\n",
        encoding="utf-8-sig",
    )
    lines = tmp_path / "june.ndjson"
    lines.write_text('{"unit":"06190","period":"2023-06","readings":{"households":-3}}\n')
    assert "2 accepted, 0 refused" in await whole.ntm("submit", str(table), "--key", whole.key)
    await whole.ntm("submit", str(table), "--key", whole.key)
    await eventually(lambda: _is(whole, "06121", "met"))
    refused = await whole.ntm("submit", str(lines), "--key", whole.key, status=1)
    assert "/readings/households" in refused
    table.write_text("commune\n")
    assert "no column" in await whole.ntm("submit", str(table), "--key", whole.key, status=2)


async def test_a_key_reads_and_reports_within_its_scope_only(whole: Whole) -> None:
    added = await whole.ntm("agency", "add", "Phòng LĐTBXH Văn Quan", "--unit", "184", "--criteria", "ntm-11,ntm-12")
    key = re.search(r"ntm_[0-9a-f]{12}_\S+", added)
    assert key
    own, whole.key = whole.key, key[0]
    try:
        assert (await whole.post("06283", 50)).status_code == 202
        assert (await whole.post("06004", 50)).status_code == 403
        education = {"children_six": 30, "children_six_enrolled": 30}
        assert (await whole.post("06283", 0, readings=education)).status_code == 403
        async with whole.client() as client:
            assert (await client.get(f"{whole.running.scoring_url}/v1/statuses?district=184")).status_code == 200
            assert (await client.get(f"{whole.running.scoring_url}/v1/statuses?district=180")).status_code == 403
            assert (await client.get(f"{whole.running.notify_url}/v1/notices")).status_code == 200
    finally:
        whole.key = own
    assert "phong-ldtbxh-van-quan" in await whole.ntm("agency", "list")


async def test_killing_each_service_while_figures_flow_loses_nothing(whole: Whole) -> None:
    communes = ["06532", "06541", "06547", "06559", "06574", "06619", "06622", "06196"]
    accepted: list[str] = []
    stop = asyncio.Event()

    async def flow() -> None:
        revision = 1
        while not stop.is_set():
            for number, unit in enumerate(communes):
                # every revision goes to the other side of the threshold
                poor = 50 if (revision + number) % 2 else 300
                headers = {"Idempotency-Key": f"flow-{unit}-{revision}"}
                async with whole.client() as client:
                    while True:
                        try:
                            counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
                            answer = await client.post(
                                f"{whole.running.intake_url}/v1/submissions",
                                json={
                                    "unit": unit,
                                    "period": "2023-06",
                                    "revision": revision,
                                    "confirmed": True,
                                    "readings": counts,
                                },
                                headers=headers,
                            )
                        except httpx.HTTPError:
                            await asyncio.sleep(0.1)
                            continue
                        if answer.status_code == 202:
                            accepted.append(answer.json()["id"])
                            break
                        assert answer.status_code >= 500
                        await asyncio.sleep(0.1)
            revision += 1

    flowing = asyncio.create_task(flow())
    for name in ("scoring", "notify", "intake"):
        await asyncio.sleep(0.7)
        (pid,) = whole.pids(name)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda name=name, pid=pid: _restarted(whole, name, pid), seconds=60)
    await asyncio.sleep(0.5)
    stop.set()
    await flowing

    verified = await whole.ntm("rebuild", "--verify")
    assert "The same" in verified
    nats = await nats_client.connect(whole.running.nats_url, **login(whole.running.nats_seed_file))
    js = nats.jetstream()
    stream = await js.stream_info("SUBMISSIONS")
    stored = set()
    changes: dict[str, list[tuple[str, str]]] = {}
    for sequence in range(1, stream.state.last_seq + 1):
        stored.add(json.loads((await js.get_msg("SUBMISSIONS", sequence)).data or b"")["id"])
    assert set(accepted) <= stored

    async def told() -> bool:
        infos = [await js.consumer_info("STATUS", name) for name in ("notify-status", "notify-targets")]
        return all(info.num_pending == 0 and info.num_ack_pending == 0 for info in infos)

    await eventually(told, seconds=60)
    status = await js.stream_info("STATUS")
    events = []
    for sequence in range(1, status.state.last_seq + 1):
        change = json.loads((await js.get_msg("STATUS", sequence)).data or b"")
        events.append(change["id"])
        if change.get("kind") == "status" and change["unit"]["code"] in communes:  # others are reports due
            changes.setdefault(f"{change['unit']['code']}/{change['criterion']['key']}", []).append(
                (change["before"], change["after"])
            )
    await nats.close()
    assert len(events) == len(set(events))
    for topic, steps in changes.items():
        assert all(one[1] == following[0] for one, following in pairwise(steps)), topic

    async def all_sent() -> bool:
        async with whole.client() as client:
            waiting = [
                (await client.get(f"{whole.running.notify_url}/v1/notices", params={"status": state})).json()["items"]
                for state in ("created", "sending", "temporary_failure")
            ]
        return not any(waiting)

    await eventually(all_sent, seconds=90)
    mails = await whole.sent("sms", "")
    assert len({mail["request_id"] for mail in mails}) == len(mails)


async def _restarted(whole: Whole, name: str, killed: int) -> bool:
    url = {"intake": whole.running.intake_url, "scoring": whole.running.scoring_url}.get(name, whole.running.notify_url)
    if killed in whole.pids(name):
        return False
    try:
        async with whole.client() as client:
            return (await client.get(f"{url}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def test_time_moves_on_only_forward_and_is_judged_day_by_day(whole: Whole) -> None:
    assert "10/07/2023" in await whole.ntm("tick", "--date", "2023-07-10")
    assert "11/07/2023" in await whole.ntm("tick")
    assert "does not go back" in await whole.ntm("tick", "--date", "2023-07-01", status=1)


async def test_a_second_start_finds_the_data_of_the_first(tmp_path: Path) -> None:
    base = four_ports()
    async with up(tmp_path, base, "--empty", "--today", "2023-06-30") as first:
        first.key = (tmp_path / "own-key").read_text()
        name, password = (tmp_path / "own-account").read_text().split()
        assert f"{name} / {password}" in first.greeting
        async with signed_in(first.running.intake_url, name, password) as page:
            assert "Đổi mật khẩu" in (await page.get("/", follow_redirects=True)).text
        assert (await first.post("06280", 70)).status_code == 202
        await eventually(lambda: _is(first, "06280", "met"))
    command = ("up", "--data", str(tmp_path), "--ports-from", str(base), "--empty", "--today", "2023-06-01")
    said = await ntm(*command, status=1)
    assert "Đồng hồ của hệ thống này đang ở ngày 30/06/2023, không phải 01/06/2023." in said
    async with up(tmp_path, base) as second:
        second.key = first.key
        assert password in second.greeting, "it opens its change until it is changed"
        assert await second.status_of("06280") == "met"
        assert (await second.post("06280", 200, revision=2)).status_code == 202
        await eventually(lambda: _is(second, "06280", "not_met"))


async def test_without_a_running_system_the_commands_say_what_to_do(tmp_path: Path) -> None:
    for command in (["status"], ["tick"], ["outbox"], ["agency", "list"]):
        child = await asyncio.create_subprocess_exec(
            *NTM, *command, "--data", str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await child.communicate()
        assert child.returncode == 1
        assert b"make up" in output
