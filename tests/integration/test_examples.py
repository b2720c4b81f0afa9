"""The examples of following the changes run as documented: none left out, by one id whichever way a change comes."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from deploy.examples.receive_webhook import Calls
from services.cli.migrate import prepare_streams
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.mirrors import ensure_mirrors
from shared.nats.publishing import publish
from shared.nats.roles import MIRRORED, OFFICE, OFFICE_MIGRATE, inbox_of
from shared.nats.users import login, seed_file
from shared.signatures import EVENT_ID
from shared.webhook_signature import signed
from tests.changes import a_status_change, a_target_change
from tests.integration.notify_service import as_message
from tests.ports import free_port
from tests.publishing import publish_all
from tests.running import Surroundings
from tests.servers import NatsServer, start_nats
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM="
OF_NOTIFY = {
    "NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn",
    "NTM_WAIT_SHARE": "0", "NTM_WEBHOOK_ALLOW_PRIVATE": "true",
    "NTM_RETRY_FIRST_SECONDS": "0.2", "NTM_RETRY_LONGEST_SECONDS": "0.5",
}  # fmt: skip


class Heard(NamedTuple):
    """A line that an example has printed."""

    id: str
    content: dict[str, Any]


class Example:
    """An example that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        self._lines = process.stdout

    async def next(self) -> Heard:
        line = (await asyncio.wait_for(self._lines.readline(), 240)).decode()
        assert line, "the example has ended"
        id_, _, content = line.partition(" ")
        return Heard(id_, json.loads(content))

    async def ids(self, count: int) -> list[str]:
        return [(await self.next()).id for _ in range(count)]

    async def about(self, unit: str, criterion: str) -> Heard:
        """Return the next change of a commune's criterion; skip others."""
        while True:
            heard = await self.next()
            about = heard.content.get("criterion") or {}
            if (heard.content["unit"]["code"], about.get("key")) == (unit, criterion):
                return heard


@asynccontextmanager
async def following(name: str, *arguments: str, **env: str) -> AsyncIterator[Example]:
    """Run an example; kill it at the end."""
    command = (sys.executable, str(ROOT / "deploy" / "examples" / name), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env, limit=2**20)
    try:
        yield Example(process)
    finally:
        with suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()


async def mirror(client: Client, server: NatsServer, users: Path) -> None:
    """Make the office's mirrors, as `ntm migrate` does."""
    office = await nats_client.connect(server.url, **login(seed_file(users, OFFICE_MIGRATE.name)))
    await ensure_mirrors(client, office)
    await office.close()


async def is_mirrored(server: NatsServer, users: Path, number: int) -> None:
    """Wait until the office's mirror of STATUS has this number of messages."""
    office = await nats_client.connect(server.url, **login(seed_file(users, OFFICE.name)))

    async def has_all() -> bool:
        return (await office.jetstream(timeout=30).stream_info(subjects.STATUS_STREAM)).state.messages == number

    await eventually(has_all)
    await office.close()


async def is_kept(place: Path, number: int) -> None:
    """Wait until a follower has kept its place: it does so after it has printed."""
    await eventually(lambda: place.exists() and int(place.read_text()) == number)


async def test_the_same_changes_come_by_nats_and_by_http_once_each_over_a_break(
    around: Surroundings, nats_server: NatsServer, tmp_path: Path
) -> None:
    scoring = await around.start("scoring")
    await mirror(around.nats, nats_server, around.users)
    by_nats = ("follow_nats.py", nats_server.url, str(seed_file(around.users, OFFICE.name)), str(tmp_path / "nats"))
    by_http = ("follow_http.py", scoring.url, str(tmp_path / "http"))
    key = await around.key("20")
    before = [a_status_change() for _ in range(2)]
    await publish_all(around, *before)
    heard: dict[str, list[str]] = {"nats": [], "http": []}

    async def hear(count: int, *meanwhile: Any, picture: int = 0) -> None:
        async with following(*by_nats) as nats, following(*by_http, NTM_KEY=key) as http:
            shown = await nats.ids(picture)
            assert shown == [str(change.id) for change in before[-picture:] if picture]
            await eventually((tmp_path / "http").exists)
            await publish_all(around, *meanwhile)
            heard["nats"] += await nats.ids(count)
            heard["http"] += await http.ids(count)
            await is_kept(tmp_path / "nats", await around.stored(subjects.STATUS_STREAM))
            await is_kept(tmp_path / "http", len(before) + len(heard["http"]))

    await is_mirrored(nats_server, around.users, len(before))
    first, away, last = ([a_target_change(), a_status_change(), a_status_change()] for _ in range(3))
    await hear(3, *first, picture=1)
    await publish_all(around, *away)
    await hear(6, *last)
    expected = [str(change.id) for change in (*first, *away, *last)]
    assert heard == {"nats": expected, "http": expected}


async def test_one_change_comes_by_nats_by_http_and_by_webhook_under_one_id(
    around: Surroundings, nats_server: NatsServer, tmp_path: Path
) -> None:
    intake, scoring = await around.start("intake"), await around.start("scoring")
    notify = await around.start("notify", **OF_NOTIFY)
    await mirror(around.nats, nats_server, around.users)
    key, port = await around.key("20"), free_port()
    async with notify.client(key) as client:
        made = await client.post("/v1/subscriptions", json={"url": f"http://127.0.0.1:{port}/", "unit": "184"})
    assert made.status_code == 201, made.text
    seed = str(seed_file(around.users, OFFICE.name))
    async with (
        following("follow_nats.py", nats_server.url, seed, str(tmp_path / "nats")) as by_nats,
        following("follow_http.py", scoring.url, str(tmp_path / "http"), NTM_KEY=key) as by_http,
        following(
            "receive_webhook.py", str(port), str(tmp_path / "calls"), NTM_WEBHOOK_SECRET=made.json()["secret"]
        ) as by_webhook,
    ):
        await eventually((tmp_path / "http").exists)
        readings = {"households": 1000, "poor_households": 10, "near_poor_households": 0}
        async with intake.client(key) as client:
            figures = {"unit": "06280", "period": "2023-06", "readings": readings}
            receipt = await client.post("/v1/submissions", json=figures)
        assert receipt.status_code == 202, receipt.text
        ways = [await way.about("06280", "ntm-11") for way in (by_nats, by_http, by_webhook)]
    [message] = await around.published("ntm.v1.status.184.06280.ntm-11")
    assert (message.headers or {})[EVENT_ID] == json.loads(message.data)["id"]
    assert {heard.id for heard in ways} == {json.loads(message.data)["id"]}
    assert {heard.content["submission"] for heard in ways} == {receipt.json()["id"]}
    on_nats, on_http, by_call = (heard.content for heard in ways)
    assert by_call == on_nats
    told = ("event", "before", "after", "on", "at", "unit", "district", "criterion", "cause", "plan")
    assert {name: on_http[name] for name in told} == {name: on_nats[name] for name in told}


async def test_a_follower_by_http_goes_on_when_scoring_comes_back(around: Surroundings, tmp_path: Path) -> None:
    scoring, key, place = await around.start("scoring"), await around.key("20"), tmp_path / "place"
    first, away, last = (a_status_change() for _ in range(3))
    async with following("follow_http.py", scoring.url, str(place), NTM_KEY=key) as http:
        await eventually(place.exists)
        begins = place.read_text()
        await publish_all(around, first)
        assert await http.ids(1) == [str(first.id)]
        await scoring.kill()
        await publish_all(around, away)
        await scoring.start()
        assert await http.ids(1) == [str(away.id)]
        await publish_all(around, last)
        assert await http.ids(1) == [str(last.id)]
    place.write_text(begins)  # as where it is killed before it keeps its place: the same ids once more
    async with following("follow_http.py", scoring.url, str(place), NTM_KEY=key) as http:
        assert await http.ids(3) == [str(change.id) for change in (first, away, last)]


async def test_a_follower_by_http_whose_key_has_ended_ends(around: Surroundings, tmp_path: Path) -> None:
    scoring, place = await around.start("scoring"), tmp_path / "place"
    place.write_text("0")
    async with following("follow_http.py", scoring.url, str(place), NTM_KEY="ntm_nobody") as http:
        with pytest.raises(AssertionError, match="has ended"):
            await http.next()


async def test_a_follower_by_nats_goes_on_when_the_broker_comes_back_and_repeats_nothing(tmp_path: Path) -> None:
    server = await start_nats(tmp_path)
    client = await nats_client.connect(server.url, **server.login, max_reconnect_attempts=-1)
    await prepare_streams(client, None, None)
    await mirror(client, server, server.users)
    changes = [a_status_change() for _ in range(4)]
    arguments = (server.url, str(seed_file(server.users, OFFICE.name)), str(tmp_path / "place"))

    async def is_put(message: Message) -> bool:
        try:
            await client.jetstream(timeout=30).publish(
                message.subject, message.body, headers={"Nats-Msg-Id": message.headers[EVENT_ID]}
            )
        except NatsError:  # the broker is not there again
            return False
        return True

    async def put(*some: Any) -> None:
        for change in some:
            await eventually(partial(is_put, as_message(change)), seconds=200)

    await put(changes[0])
    async with following("follow_nats.py", *arguments) as nats:
        assert await nats.ids(1) == [str(changes[0].id)]
        await is_kept(tmp_path / "place", 1)
    async with following("follow_nats.py", *arguments) as nats:
        await put(changes[1])
        assert await nats.ids(1) == [str(changes[1].id)]
        await server.kill()
        await server.restart()
        await put(*changes[2:])
        assert await nats.ids(2) == [str(change.id) for change in changes[2:]]
    await client.close()
    await server.remove()


async def test_what_nobody_can_read_stops_no_follower_by_nats(
    around: Surroundings, nats_server: NatsServer, tmp_path: Path
) -> None:
    await mirror(around.nats, nats_server, around.users)
    subject, change = subjects.status("184", "06280", "ntm-11"), a_status_change()
    for body in (b"{}", b"[]", b"\xff", change.model_dump_json().encode()):
        await around.nats.jetstream().publish(subject, body)
    place = tmp_path / "place"
    place.write_text("0")
    arguments = (nats_server.url, str(seed_file(around.users, OFFICE.name)), str(place))
    async with following("follow_nats.py", *arguments) as nats:
        assert await nats.ids(1) == [str(change.id)]


async def test_a_receiver_of_webhooks_handles_each_genuine_call_once_also_one_kept_before_it_was_killed(
    tmp_path: Path,
) -> None:
    file, port = tmp_path / "calls", free_port()
    kept, *others = (a_status_change() for _ in range(3))
    bodies = {
        str(change.id): json.dumps({"type": "x", "data": change.model_dump(mode="json")}).encode()
        for change in (kept, *others)
    }
    Calls(file).keep("of before", bodies[str(kept.id)])
    arguments = ("receive_webhook.py", str(port), str(file))
    async with following(*arguments, NTM_WEBHOOK_SECRET=f"whsec_AAAA {SECRET}") as calls, httpx.AsyncClient() as client:

        async def call(call_id: str, body: bytes, secret: str = SECRET, **headers: str) -> int:
            signature = signed(call_id, int(time.time()), body, (secret,))
            answer = await client.post(f"http://127.0.0.1:{port}/", content=body, headers={**signature, **headers})
            return answer.status_code

        assert await calls.ids(1) == [str(kept.id)]
        await eventually(lambda: answers(port))
        first, second = (str(change.id) for change in others)
        assert await call("1", bodies[first], "whsec_BBBB") == 401
        assert await call("1", bodies[first], **{"webhook-timestamp": "1"}) == 401
        assert await call("1", bodies[first], **{"webhook-id": "2"}) == 401
        for call_id, body in (("of before", bodies[str(kept.id)]), ("1", bodies[first]), ("1", bodies[first])):
            assert await call(call_id, body) == 204
        assert await call("2", bodies[second]) == 204
        assert await calls.ids(2) == [first, second]


async def answers(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/")).status_code == 501
        except httpx.TransportError:
            return False


class Line(NamedTuple):
    """What the guide's `nats` command says, in the order of natscli: `nats [--nkey …] sub [--stream …] SUBJECT`."""

    nkey: str
    inbox_prefix: str
    stream: str
    last_per_subject: bool
    subject: str


def the_guides_line() -> Line:
    """Return what the guide's `nats` command says; an option that natscli does not have ends the test."""
    [words] = re.findall(r"^    nats (.+ sub .+)$", (ROOT / "deploy" / "README.md").read_text(encoding="utf-8"), re.M)
    parser = argparse.ArgumentParser(prog="nats", allow_abbrev=False)
    for option in ("--server", "--nkey", "--inbox-prefix"):
        parser.add_argument(option)
    sub = parser.add_subparsers().add_parser("sub", allow_abbrev=False)
    sub.add_argument("--stream")
    sub.add_argument("--last-per-subject", action="store_true")
    sub.add_argument("subject")
    said = vars(parser.parse_args(shlex.split(words)))
    return Line(**{name: said[name] for name in Line._fields})


async def as_natscli_until_0_2(js: JetStreamContext, line: Line) -> Any:
    """Subscribe as natscli 0.2 and before does: by a consumer that pushes."""
    config = ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, ack_policy=AckPolicy.NONE)
    pushed = await js.subscribe(line.subject, stream=line.stream, config=config, flow_control=True, idle_heartbeat=5)
    return lambda: pushed.next_msg(timeout=60)


async def as_natscli_since_0_3(js: JetStreamContext, line: Line) -> Any:
    """Subscribe as natscli 0.3 and later does: it looks at the stream, and pulls from a consumer."""
    await js.stream_info(line.stream)
    config = ConsumerConfig(
        name="as-natscli",
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        ack_policy=AckPolicy.NONE,
        filter_subject=line.subject,
    )
    await js.add_consumer(line.stream, config)
    pulled = await js.pull_subscribe_bind("as-natscli", line.stream)

    async def following_message() -> Msg:
        [message] = await pulled.fetch(1, timeout=60)
        return message

    return following_message


@pytest.mark.parametrize("subscribed", [as_natscli_until_0_2, as_natscli_since_0_3])
async def test_the_broker_gives_the_office_what_the_guides_nats_command_asks_for(
    around: Surroundings, nats_server: NatsServer, subscribed: Any
) -> None:
    line, seed = the_guides_line(), seed_file(around.users, OFFICE.name)
    assert (line.nkey, line.inbox_prefix, line.last_per_subject) == (seed.name, inbox_of(OFFICE.name), True)
    assert line.stream in MIRRORED
    await mirror(around.nats, nats_server, around.users)
    older, newest, later = (a_status_change() for _ in range(3))
    await publish(around.nats, [as_message(change) for change in (older, newest, a_target_change())])
    refusals: list[Exception] = []

    async def refused(error: Exception) -> None:
        refusals.append(error)

    office = await nats_client.connect(
        nats_server.url, nkeys_seed=str(seed), inbox_prefix=line.inbox_prefix.encode(), error_cb=refused
    )
    await is_mirrored(nats_server, around.users, 3)
    following_message = await subscribed(office.jetstream(), line)
    shown = [await following_message()]
    await publish(around.nats, [as_message(later)])
    shown.append(await following_message())
    assert [(message.headers or {})[EVENT_ID] for message in shown] == [str(newest.id), str(later.id)]
    assert refusals == []
    await office.close()
