"""The speed of notify, beside Prometheus Alertmanager in the same run: `make bench`, or `python -m tests.bench.notify`.

6,400 events, one webhook notice each, to a receiver that only counts: `many` (events a second), `latency` (from the
event on NATS to the call, one after the other), `kill` (both are killed in the middle of 5,000 and started again),
`open` (memory with 100,000 open alerts). Alertmanager runs with `group_wait: 0s` and a group for each alert; where its
program is not found (Debian's package `prometheus-alertmanager`, or NTM_ALERTMANAGER), ours is measured alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import httpx
import psutil

from services.cli.migrate import prepare
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.verdict_change import StatusChanged
from shared.reference.load import PACKAGED, Reference, load
from tests.bench.costs import note
from tests.bench.usage import Programs
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService, notify_service
from tests.ports import free_port
from tests.running import afresh, settings_of
from tests.servers import start_nats, start_postgres

EVENTS, KILLED, OPEN, ONE_BY_ONE = 6_400, 5_000, 100_000, 300
MEGABYTE = 2**20
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """Counts what it is told, by what each call names, and when it came."""

    heard: ClassVar[Counter[str]] = Counter()
    at: ClassVar[dict[str, float]] = {}
    key = b'"id":"'

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            start = head.lower().index(b"content-length:") + 15
            length = int(bytes(head[start:]).split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            body = bytes(rest[:length])
            self._received = bytearray(rest[length:])
            place = body.index(self.key) + len(self.key)
            name = body[place : body.index(b'"', place)].decode()
            self.heard[name] += 1
            self.at.setdefault(name, time.perf_counter())
            self._transport.write(_ANSWER)


@asynccontextmanager
async def receiving(key: bytes) -> AsyncIterator[str]:
    """A receiver that knows what it is told by the value behind `key`."""
    Receiver.heard, Receiver.at, Receiver.key = Counter(), {}, key
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port := free_port())
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        server.close()


async def all_heard(count: int, seconds: float = 180) -> bool:
    """Tell whether this number of calls was heard before nothing came for long."""
    deadline = time.perf_counter() + seconds
    while len(Receiver.heard) < count and time.perf_counter() < deadline:  # noqa: ASYNC110 - it has to cost nothing
        await asyncio.sleep(0.01)
    return len(Receiver.heard) >= count


def changes(reference: Reference, count: int) -> list[StatusChanged]:
    """Return this number of changes of the packaged communes' criteria."""
    units = reference.units.communes(datetime(2023, 6, 30, tzinfo=UTC).date(), "20")
    about = itertools.cycle(itertools.product(reference.criterion_keys, units))
    name = Bilingual(vi="Tiêu chí", en="Criterion")
    return [
        a_status_change(
            unit=UnitRef(code=unit.code, name=unit.name, kind=unit.kind), criterion=CriterionRef(key=key, name=name)
        )
        for key, unit in itertools.islice(about, count)
    ]


@asynccontextmanager
async def ours(directory: Path, url: str) -> AsyncIterator[NotifyService]:
    """Notify with one subscription, and a plan that tells nobody else."""
    reference = directory / "reference"
    shutil.copytree(PACKAGED, reference, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    [plan] = (reference / "plans").glob("*.yaml")
    text = plan.read_text(encoding="utf-8")
    before, _, rest = text.partition("\nrouting:\n")
    _, _, after = rest.partition("\nstated_spans:\n")
    nobody = "\nrouting: {id: plan, channels: [email], match: {events: [budget_near]}}\nstated_spans:\n"
    plan.write_text(before + nobody + after, encoding="utf-8")
    server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
    nats = await server.connect()
    try:
        database = await postgres.create_database()
        await prepare(settings_of(database, server), None)
        async with notify_service(directory, nats, server, database, [], afresh) as service:
            service.env.update(
                {"NTM_REFERENCE_DIR": str(reference), "NTM_LOG_FORMAT": "json", "NTM_WATCH_SECONDS": "10"}
            )
            await service.start()
            key = await service.key("20")
            made = await service.post("/v1/subscriptions", key, json={"url": url, "unit": "20"})
            made.raise_for_status()
            await asyncio.sleep(1.5)  # it is known to every worker within a second
            yield service
    finally:
        await nats.close()
        await server.remove()
        await postgres.remove()


def program() -> str | None:
    """Alertmanager's program, where there is one."""
    named = os.environ.get("NTM_ALERTMANAGER")
    return named or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


class Alertmanager:
    """Alertmanager as its documentation says to send every alert at once."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory, self._port = directory, free_port()
        config = {
            "route": {
                "receiver": "hook",
                "group_by": ["..."],
                "group_wait": "0s",
                "group_interval": "1s",
                "repeat_interval": "24h",
            },
            "receivers": [{"name": "hook", "webhook_configs": [{"url": url, "send_resolved": False}]}],
        }
        (directory / "alertmanager.yml").write_text(json.dumps(config))
        self.child: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        found = program()
        assert found
        self.child = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [
                found,
                f"--config.file={self._directory}/alertmanager.yml",
                f"--storage.path={self._directory}/data",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--cluster.listen-address=",
                "--log.level=error",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"http://127.0.0.1:{self._port}/-/ready")).is_success:
                        return
                await asyncio.sleep(0.05)

    async def post(self, numbers: Sequence[int]) -> None:
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        note = "x" * 1_000  # about what an event of ours says
        async with httpx.AsyncClient() as client:
            for part in itertools.batched(numbers, 500):
                alerts = [
                    {"labels": {"alertname": "behind", "n": f"{n}"}, "annotations": {"why": note}, "endsAt": ends}
                    for n in part
                ]
                (await client.post(f"http://127.0.0.1:{self._port}/api/v2/alerts", json=alerts)).raise_for_status()

    def used(self) -> float:
        """Return the seconds of the processor that it has taken."""
        assert self.child
        times = psutil.Process(self.child.pid).cpu_times()
        return times.user + times.system

    def kill(self) -> None:
        if self.child:
            self.child.kill()
            self.child.wait()


async def many(directory: Path) -> None:
    """What an event costs, and events a second."""
    bare = None
    if program():
        async with receiving(b'"n":"') as url:
            manager = Alertmanager(directory, url)
            await manager.start()
            began, used = time.perf_counter(), manager.used()
            await manager.post(range(EVENTS))
            complete = await all_heard(EVENTS)
            rate = len(Receiver.heard) / (max(Receiver.at.values()) - began)
            bare = 1e6 * (manager.used() - used) / EVENTS
            manager.kill()
        print(f"many: Alertmanager {rate:,.0f} alerts/s{'' if complete else ' (not all came)'}")
    async with receiving(b'"data":{"id":"') as url, ours(directory, url) as service:
        found = changes(load(), EVENTS)
        programs = Programs(service.service)
        began, before = time.perf_counter(), programs.usage()
        await service.publish(*found)
        assert await all_heard(EVENTS)
        rate = EVENTS / (max(Receiver.at.values()) - began)
        note("an event to its webhook call", programs.usage().since(before), EVENTS, bare, "Alertmanager, in memory")
        print(f"many: ours {rate:,.0f} events/s, {Receiver.heard.total() - EVENTS} calls doubled")


async def latency(directory: Path) -> None:
    """From the event on NATS to the call."""
    async with receiving(b'"data":{"id":"') as url, ours(directory, url) as service:
        waits = []
        for change in changes(load(), ONE_BY_ONE):
            began = time.perf_counter()
            await service.publish(change)
            while str(change.id) not in Receiver.at:  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
            waits.append(1_000 * (Receiver.at[str(change.id)] - began))
            await asyncio.sleep(0.02)
        percentiles = statistics.quantiles(waits, n=100)
        print(f"latency: ours p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms (targets 10, 30)")


async def kill(directory: Path) -> None:
    """Count the calls that are lost and doubled when each system is killed in the middle."""
    async with receiving(b'"data":{"id":"') as url, ours(directory, url) as service:
        await service.publish(*changes(load(), KILLED))
        await all_heard(KILLED // 2)
        await service.kill()
        await service.start()
        await all_heard(KILLED)
        await asyncio.sleep(1)
        lost, doubled = KILLED - len(Receiver.heard), sum(count - 1 for count in Receiver.heard.values())
        print(f"kill: ours lost {lost}, calls made twice under the same webhook-id {doubled}")
    if program():
        async with receiving(b'"n":"') as url:
            manager = Alertmanager(directory, url)
            await manager.start()
            posting = asyncio.create_task(manager.post(range(KILLED)))
            await all_heard(KILLED // 2, seconds=20)
            manager.kill()
            with suppress(httpx.HTTPError):
                await posting
            await manager.start()
            await all_heard(KILLED, seconds=15)
            manager.kill()
            lost, doubled = KILLED - len(Receiver.heard), sum(count - 1 for count in Receiver.heard.values())
            print(f"kill: Alertmanager lost {lost}, doubled {doubled}")


async def many_open(directory: Path) -> None:
    """Memory with many open alerts."""
    async with receiving(b'"data":{"id":"') as url, ours(directory, url) as service:
        reference = load()
        for _ in range(OPEN // 5_000):
            await service.publish(*changes(reference, 5_000))
        assert await all_heard(OPEN, seconds=900)
        assert service.service.process
        used = psutil.Process(service.service.process.pid).memory_info().rss / MEGABYTE
        print(f"open: {used:.0f} MB with {OPEN:,} open alerts (target 300)")


PARTS = {"many": many, "latency": latency, "kill": kill, "open": many_open}


async def main(part: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await PARTS[part](Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS])
    wanted = parser.parse_args().parts or [*PARTS]
    if len(wanted) == 1:
        asyncio.run(main(wanted[0]))
    for one in wanted if len(wanted) > 1 else ():
        subprocess.run([sys.executable, "-m", "tests.bench.notify", one], check=True)
