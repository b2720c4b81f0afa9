"""NATS answers KEDA, which asks each node how many messages wait for a consumer (deploy/kubernetes)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.local.nats import Nats
from shared.contracts import subjects
from shared.nats.consumers import ensure_consumers
from shared.nats.streams import ensure_streams
from tests.ports import free_port
from tests.servers import Embedded, NatsServer, add_tester
from tests.waiting import eventually

SCALED = Path(__file__).parents[2] / "deploy/kubernetes/components/keda/scaled.yaml"


def lag(answer: dict[str, Any], asked: dict[str, str]) -> int | None:
    """Return the messages that wait, as KEDA's scaler `nats-jetstream` finds them; None: it finds no such consumer."""
    for account in answer["account_details"]:
        for stream in account["stream_detail"]:
            for consumer in stream.get("consumer_detail") or ():
                if (account["name"], stream["name"], consumer["name"]) == tuple(
                    asked[name] for name in ("account", "stream", "consumer")
                ):
                    return int(consumer["num_pending"]) + int(consumer["num_ack_pending"])
    return None


async def test_each_trigger_finds_its_consumer_and_how_many_messages_wait_for_it(tmp_path: Path) -> None:
    triggers = [
        trigger["metadata"]
        for scaled in yaml.safe_load_all(SCALED.read_text(encoding="utf-8"))
        for trigger in scaled["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream"
    ]
    nats, port = Nats(tmp_path / "nats", free_port()), free_port()
    process = nats.process(10**9)
    add_tester(nats.users)
    nats.config.write_text(f'{nats.config.read_text()}http: "127.0.0.1:{port}"\n')
    server = NatsServer(nats.url, Embedded(process, tmp_path / "nats.log"), nats.users)
    await server.restart()
    client = await server.connect()
    try:
        js = client.jetstream()
        await ensure_streams(js)
        await ensure_consumers(js)
        for subject in (subjects.ALL_SUBMISSIONS, subjects.ALL_STATUSES):
            await js.publish(subject.replace(">", "x").replace("*", "x"), b"{}")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as asking:

            async def told() -> list[int | None]:
                found = []
                for asked in triggers:
                    query = {"acc": asked["account"], "consumers": "true", "config": "true"}
                    found.append(lag((await asking.get("/jsz", params=query)).json(), asked))
                return found

            async def all_wait() -> bool:
                return await told() == [1] * len(triggers)

            await eventually(all_wait)
    finally:
        await client.close()
        await server.stop()
