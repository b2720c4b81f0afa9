"""The office's mirrors hold what their streams hold, also after a kill, damage, and a stream that was made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from deploy.local.nats import Nats
from services.cli.migrate import prepare_streams
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.mirrors import Fault, ensure_mirrors, plain_faults
from shared.nats.publishing import publish
from shared.nats.roles import MIRRORED, NOTIFY, OFFICE_MIGRATE
from shared.nats.users import login, seed_file
from tests.ports import free_port
from tests.servers import Embedded, NatsServer, add_tester
from tests.waiting import eventually

SUBJECT = "ntm.v1.status.184.06280.ntm-11"
STATUS = subjects.STATUS_STREAM


@dataclass
class Mirrored:
    """A server with streams and mirrors, and connections to both accounts."""

    server: NatsServer
    nats: Client
    office: Client

    @property
    def js(self) -> JetStreamContext:
        return self.nats.jetstream(timeout=30)

    async def publish(self, *bodies: str) -> None:
        for body in bodies:
            await self.js.publish(SUBJECT, body.encode())

    async def repair(self) -> dict[str, Fault | None]:
        """Do what `ntm migrate` does."""
        await prepare_streams(self.nats, None, None)
        return dict(await ensure_mirrors(self.nats, self.office))

    async def is_whole(self) -> bool:
        return await _content(self.office) == await _content(self.nats)

    async def mirrors(self) -> None:
        await eventually(self.is_whole, seconds=200)  # a mirror asks its origin again after pauses that grow


async def _content(client: Client) -> list[tuple[int, bytes | None]]:
    """Return the first and the last messages of STATUS, and how many there are."""
    js = client.jetstream(timeout=30)
    state = (await js.stream_info(STATUS)).state
    if not state.messages:
        return []
    ends = [(sequence, (await js.get_msg(STATUS, sequence)).data) for sequence in (state.first_seq, state.last_seq)]
    return [*ends, (state.messages, None)]


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncIterator[Mirrored]:
    parts = Nats(tmp_path / "nats", free_port())  # none in a container: tests change its files
    process = parts.process()
    add_tester(parts.users)
    server = NatsServer(parts.url, Embedded(process, tmp_path / "nats.log"), parts.users)
    await server.restart()
    nats = await nats_client.connect(server.url, **server.login, max_reconnect_attempts=-1)
    office = await nats_client.connect(
        server.url, **login(seed_file(server.users, OFFICE_MIGRATE.name)), max_reconnect_attempts=-1
    )
    mirrored = Mirrored(server, nats, office)
    assert await mirrored.repair() == dict.fromkeys(MIRRORED)
    assert await mirrored.repair() == {}
    yield mirrored
    await nats.close()
    await office.close()
    await server.remove()


async def test_a_mirror_that_is_right_stays_also_while_messages_come_and_old_ones_go(mirrored: Mirrored) -> None:
    await mirrored.publish(*"abcdef")
    assert await mirrored.repair() == {}
    await mirrored.mirrors()
    await publish(mirrored.nats, [Message(SUBJECT, body, {"Nats-Msg-Id": body.decode()}) for body in (b"one", b"two")])
    await mirrored.mirrors()
    assert await mirrored.repair() == {}
    await mirrored.js.purge_stream(STATUS, seq=3)
    await mirrored.js.delete_msg(STATUS, 4)
    await mirrored.publish("g")
    assert await mirrored.repair() == {}
    await mirrored.server.kill()
    await mirrored.server.restart()
    await eventually(lambda: _publishes(mirrored.js))
    assert await mirrored.repair() == {}


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_a_mirror_lacks_nothing_where_its_stream_cannot_read_the_message_itself(
    mirrored: Mirrored, number: int
) -> None:
    await mirrored.publish(*(f"{letter} of this test" for letter in "abcde"))
    await mirrored.server.stop()
    (block,) = (mirrored.server.users.parent / "jetstream" / "NTM" / "streams" / STATUS / "msgs").glob("*.blk")
    word = f"{'abcde'[number - 1]} of this test".encode()
    block.write_bytes(block.read_bytes().replace(word, b"?" + word[1:]))
    await mirrored.server.restart()
    await eventually(lambda: _publishes(mirrored.js))
    await mirrored.office.jetstream().delete_stream(STATUS)
    assert await mirrored.repair() == {STATUS: None}

    async def has_all_that_can_be_read() -> bool:
        return (await mirrored.office.jetstream().stream_info(STATUS)).state.messages == 5

    await eventually(has_all_that_can_be_read)  # of five, and the one that `_publishes` has sent
    assert await mirrored.repair() == {}


@pytest.mark.parametrize("later", [0, 1, 8])
async def test_the_mirror_of_a_stream_that_was_made_anew_is_made_anew(mirrored: Mirrored, later: int) -> None:
    await mirrored.publish(*"abcd")
    await mirrored.mirrors()
    await mirrored.js.delete_stream(STATUS)
    await prepare_streams(mirrored.nats, None, None)
    await mirrored.publish(*(f"after {number}" for number in range(later)))
    notify = await nats_client.connect(mirrored.server.url, **login(seed_file(mirrored.server.users, NOTIFY.name)))
    assert await plain_faults(notify) == {STATUS: Fault.OLDER}
    assert await mirrored.repair() == {STATUS: Fault.OLDER}
    assert await plain_faults(notify) == {}
    await notify.close()
    await mirrored.mirrors()
    await mirrored.publish("goes on")
    await mirrored.mirrors()
    assert await mirrored.repair() == {}


@pytest.mark.parametrize(("is_overtaken", "fault"), [(False, Fault.AHEAD), (True, Fault.OTHER)])
async def test_the_mirror_of_a_stream_that_lost_its_last_messages_is_made_anew(
    mirrored: Mirrored, is_overtaken: bool, fault: Fault
) -> None:
    """As after a power failure: what the stream holds now stood there before the mirror was made."""
    await mirrored.publish(*"ab")
    await mirrored.mirrors()
    origin = mirrored.server.users.parent / "jetstream" / "NTM" / "streams" / STATUS
    await mirrored.server.stop()
    kept = {file: file.read_bytes() for file in origin.rglob("*") if file.is_file()}
    await mirrored.server.restart()
    await eventually(lambda: _publishes(mirrored.js))
    await mirrored.publish("c")
    await mirrored.mirrors()
    await mirrored.server.stop()
    for file in [file for file in origin.rglob("*") if file.is_file()]:
        file.unlink()
    for file, content in kept.items():
        file.write_bytes(content)
    await mirrored.server.restart()

    async def missing() -> int | None:
        try:
            ends = [(await client.jetstream().stream_info(STATUS)).state.last_seq for client in clients]
        except (NatsError, JetStreamError):
            return None
        return ends[0] - ends[1]

    clients = (mirrored.office, mirrored.nats)
    lost = await eventually(missing)
    if is_overtaken:
        await mirrored.publish(*(f"other {number}" for number in range(lost)))
    assert await mirrored.repair() == {STATUS: fault}
    await mirrored.mirrors()


async def test_a_mirror_is_whole_after_a_kill_in_the_middle_of_many_messages_and_ntm_migrate(
    mirrored: Mirrored,
) -> None:
    for number in range(3_000):
        await mirrored.nats.publish(SUBJECT, str(number).encode())
    await mirrored.nats.flush()

    async def is_under_way() -> bool:
        return (await mirrored.js.stream_info(STATUS)).state.messages >= 300

    await eventually(is_under_way)
    await mirrored.server.kill()
    await mirrored.server.restart()
    await eventually(lambda: _publishes(mirrored.js))

    async def is_whole() -> bool:
        await mirrored.repair()
        return await mirrored.is_whole()

    await eventually(is_whole, seconds=200)


async def _publishes(js: JetStreamContext) -> bool:
    try:
        await js.publish(SUBJECT, b"after")
    except (NatsError, JetStreamError):
        return False
    return True
