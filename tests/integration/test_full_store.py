"""Limits of the broker's store: each stream has its share of it, and a full one refuses clearly and whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from deploy.local import nats as local_nats
from deploy.local import supervisor
from deploy.local.nats import Nats
from deploy.local.supervisor import StartFailedError, Supervisor
from services.cli.migrate import prepare
from services.intake.doors.nats import STATUS_HEADER
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.connection import connected
from shared.nats.publishing import (
    BrokerUnavailableError,
    StoreFullError,
    publish,
    publish_as_expected,
    silent_streams,
)
from shared.nats.roles import MIRRORED
from shared.nats.store_limits import room_of
from shared.nats.streams import NoRoomError, ensure_streams
from shared.nats.trial import try_writing
from shared.nats.users import seed_file
from shared.service.fullness import nearly_full
from shared.settings import Settings
from tests.builders import a_posted_submission
from tests.ports import free_port
from tests.running import Service, Surroundings, settings_of
from tests.servers import NatsServer, start_nats, start_nats_cluster
from tests.waiting import eventually
from tests.workbooks import a_csv

STORE = 10_000_000


async def limit(nats: Client, stream: str, max_bytes: int) -> None:
    js = nats.jetstream()
    await js.update_stream((await js.stream_info(stream)).config.evolve(max_bytes=max_bytes))


async def fill_up(nats: Client, stream: str) -> None:
    """Leave no room for anything on a stream, as if it had grown to its limit."""
    held = (await nats.jetstream().stream_info(stream)).state.bytes
    await limit(nats, stream, max(held, 1))


async def streams_and_mirrors(nats: Client, office: Client) -> list[Any]:
    return [*await nats.jetstream().streams_info(), *[await office.jetstream().stream_info(name) for name in MIRRORED]]


async def test_all_streams_together_fit_the_store_and_the_record_drops_nothing(
    tmp_path: Path, migrated_database_url: str
) -> None:
    server = await start_nats(tmp_path, STORE, embedded=True)
    try:
        settings = settings_of(migrated_database_url, server).model_copy(
            update={
                "nats_store_bytes": STORE,
                "nats_office_seed_file": seed_file(server.users, "office-migrate"),
            }
        )
        await prepare(settings, None)
        office_settings = settings.model_copy(update={"nats_seed_file": seed_file(server.users, "office")})
        async with connected(settings, "test", 10) as nats, connected(office_settings, "test", 10) as office:
            made = await streams_and_mirrors(nats, office)
            assert all(info.config.max_bytes > 0 for info in made)
            assert sum(info.config.max_bytes for info in made) <= STORE
            for name in subjects.KEPT:
                assert (await nats.jetstream().stream_info(name)).config.discard == "new"
            # a store of twice the size, of which nobody has told the server yet, and then somebody has
            larger = settings.model_copy(update={"nats_store_bytes": 2 * STORE})
            kept = (await prepare(larger, None)).streams
            kept_of = {change.stream: change for change in kept if not change.has_room}
            assert subjects.SUBMISSIONS_STREAM in kept_of
            assert not any(change.is_made for change in kept_of.values())
            await server.stop()
            conf = tmp_path / "nats" / "nats-server.conf"
            conf.write_text(conf.read_text().replace(str(STORE), str(2 * STORE)))
            await server.restart()
            raised = (await prepare(larger, None)).streams
            assert {change.stream for change in raised if change.is_made} == kept_of.keys()
            after = await streams_and_mirrors(nats, office)
            assert [info.config.max_bytes for info in after] == [2 * info.config.max_bytes for info in made]
            # lower again: only where it is asked for by name
            kept = (await prepare(settings, None)).streams
            assert not any(change.is_made for change in kept)
            [lowered] = (
                change for change in (await prepare(settings, None, ["STATUS"])).streams if change.stream == "STATUS"
            )
            assert (lowered.before, lowered.after, lowered.is_made) == (3_600_000, 1_800_000, True)
    finally:
        await server.stop()


async def test_a_server_whose_streams_have_reserved_more_than_it_is_to_store_starts_all_the_same(
    tmp_path: Path,
) -> None:
    server = await start_nats(tmp_path, STORE, embedded=True)
    try:
        nats = await server.connect()
        await ensure_streams(nats.jetstream(), store_bytes=STORE)
        reserved = sum(info.config.max_bytes for info in await nats.jetstream().streams_info())
        await nats.close()
        await server.stop()
        room = room_of(tmp_path / "nats")
        assert (room.reserved, room.limit(STORE // 2)) == (reserved, reserved)
        conf = tmp_path / "nats" / "nats-server.conf"
        conf.write_text(conf.read_text().replace(str(STORE), str(reserved)))
        await server.restart()
        nats = await server.connect()
        assert len(await nats.jetstream().streams_info()) == len(subjects.NEEDED)
        await nats.jetstream().delete_stream(subjects.REFERENCE_STREAM)
        with pytest.raises(NoRoomError, match="REFERENCE"):
            await ensure_streams(nats.jetstream(), store_bytes=4 * STORE)
        await nats.close()
    finally:
        await server.stop()


async def test_small_differences_of_the_free_disk_and_an_operators_own_limit_change_nothing(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js, store_bytes=STORE)
    assert await ensure_streams(js, store_bytes=STORE * 105 // 100) == []
    assert await ensure_streams(js, store_bytes=STORE * 95 // 100) == []
    await limit(nats, subjects.REFUSALS_STREAM, 123_456)
    raised = await ensure_streams(js, store_bytes=2 * STORE)
    assert {change.stream for change in raised} == {*subjects.NEEDED} - {subjects.REFUSALS_STREAM}
    assert (await js.stream_info(subjects.REFUSALS_STREAM)).config.max_bytes == 123_456


async def test_a_stream_that_has_grown_without_a_limit_gets_one_above_what_it_holds(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js)
    for _ in range(10):
        await js.publish("ntm.v1.reference.20", b"x" * 100_000)
    held = (await js.stream_info(subjects.REFERENCE_STREAM)).state.bytes
    await ensure_streams(js, store_bytes=STORE)
    assert held < (await js.stream_info(subjects.REFERENCE_STREAM)).config.max_bytes < 1.3 * held


def messages(count: int, name: str) -> list[Message]:
    headers = [{"Nats-Msg-Id": f"{name}-{number}"} for number in range(count)]
    return [Message(f"ntm.v1.submissions.184.{number}", b"x" * 10_000, own) for number, own in enumerate(headers)]


@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_full_stream_takes_nothing_of_a_batch_and_goes_on_once_its_limit_is_raised(
    tmp_path: Path, replicas: int
) -> None:
    servers = await start_nats_cluster(tmp_path) if replicas > 1 else [await start_nats(tmp_path)]
    try:
        nats = await servers[0].connect()
        js = nats.jetstream(timeout=20)
        await ensure_streams(js, replicas, store_bytes=STORE)
        await limit(nats, subjects.SUBMISSIONS_STREAM, 150_000)
        await publish(nats, messages(10, "a"), 20)
        for way in (publish, publish_as_expected):
            with pytest.raises(StoreFullError) as refused:
                await way(nats, messages(10, "b"), 20)
            assert refused.value.stream == subjects.SUBMISSIONS_STREAM
            assert (await js.stream_info(subjects.SUBMISSIONS_STREAM)).state.messages == 10
        await limit(nats, subjects.SUBMISSIONS_STREAM, 300_000)
        assert not any(stored.duplicate for stored in await publish(nats, messages(10, "b"), 20))
        await nats.close()
    finally:
        for server in servers:
            await server.stop()


class Sender:
    """Sends submissions at each door, and returns the status, the problem and the header `Retry-After` of each."""

    def __init__(self, around: Surroundings, intake: Service, key: str, name: str) -> None:
        self._around, self._intake, self._key, self._name = around, intake, key, name

    async def everywhere(self) -> dict[str, tuple[int, dict[str, Any], str | None]]:
        return {
            "single": await self._post("/v1/submissions", self._item("single")),
            "array": await self._post("/v1/submissions", [self._item(f"array-{number}") for number in range(20)]),
            "lines": await self._lines(),
            "file": await self._file(),
            "request": await self._request(),
        }

    def _item(self, ref: str) -> dict[str, Any]:
        return a_posted_submission(source_ref=f"{self._name}-{ref}")

    async def _post(self, path: str, content: Any) -> tuple[int, dict[str, Any], str | None]:
        async with self._intake.client(self._key) as client:
            answer = await client.post(path, json=content, headers={"Accept-Language": "en"})
        return answer.status_code, answer.json(), answer.headers.get("retry-after")

    async def _lines(self) -> tuple[int, dict[str, Any], str | None]:
        body = b"\n".join(json.dumps(self._item(f"line-{number}")).encode() for number in range(1500))
        headers = {"Content-Type": "application/x-ndjson", "Accept-Language": "en"}
        async with self._intake.client(self._key) as client:
            answer = await client.post("/v1/submissions", content=body, headers=headers)
        last = json.loads(answer.text.splitlines()[-1])
        return answer.status_code, last.get("problem", last), answer.headers.get("retry-after")

    async def _file(self) -> tuple[int, dict[str, Any], str | None]:
        body = a_csv(*((unit, "4/2023", 1204, 131, 88) for unit in ("06280", "06283", "06286")))
        headers = {"Accept": "application/json", "Accept-Language": "en", "Content-Type": "application/octet-stream"}
        async with self._intake.client(self._key) as client:
            answer = await client.post("/v1/uploads", content=body, headers=headers)
        return answer.status_code, answer.json(), answer.headers.get("retry-after")

    async def _request(self) -> tuple[int, dict[str, Any], str | None]:
        headers = {"Authorization": f"Bearer {self._key}", "Accept-Language": "en"}
        body = json.dumps(self._item("request")).encode()
        reply = await self._around.nats.request(subjects.SUBMIT, body, timeout=20, headers=headers)
        assert reply.headers
        return int(reply.headers[STATUS_HEADER]), json.loads(reply.data), reply.headers.get("retry-after")


async def test_every_door_says_which_stream_is_full_accepts_nothing_of_it_and_goes_on_by_itself(
    around: Surroundings, intake: Service
) -> None:
    key = await around.key("184")
    sender = Sender(around, intake, key, "full")
    before = await around.stored(subjects.SUBMISSIONS_STREAM)
    await fill_up(around.nats, subjects.SUBMISSIONS_STREAM)
    for door, (status, problem, retry_after) in (await sender.everywhere()).items():
        assert (door, status, retry_after) == (door, 503, "30")
        assert problem["code"] == "unavailable"
        assert "The stream SUBMISSIONS on NATS has reached its limit" in problem["detail"]
        assert "NTM_NATS_STORE_BYTES" in problem["detail"]
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before
    await limit(around.nats, subjects.SUBMISSIONS_STREAM, 50_000_000)
    assert {door: status for door, (status, _, _) in (await sender.everywhere()).items()} == dict.fromkeys(
        ("single", "array", "lines", "file", "request"), 202
    )
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == before + 1 + 20 + 1500 + 3 + 1


async def test_statuses_that_find_no_room_wait_and_are_told_once_there_is_room(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    key = await around.key("184")
    await fill_up(around.nats, subjects.STATUS_STREAM)
    before = await around.stored(subjects.STATUS_STREAM)
    async with intake.client(key) as client:
        posted = await client.post("/v1/submissions", json=a_posted_submission(source_ref="no room"))
        assert posted.status_code == 202  # a stream that has grown does not take the place of submissions
        receipt = f"/v1/submissions/{posted.json()['id']}"
    assert not await around.published("ntm.v1.parked.scoring")
    await limit(around.nats, subjects.STATUS_STREAM, 50_000_000)

    async def is_told() -> bool:
        return await around.stored(subjects.STATUS_STREAM) > before

    await eventually(is_told)
    async with intake.client(key) as client:
        assert (await client.get(receipt)).status_code == 200
    assert not await around.published("ntm.v1.parked.scoring")


async def test_refusals_are_answered_also_when_their_stream_is_full(around: Surroundings, intake: Service) -> None:
    key = await around.key("184")
    await limit(around.nats, subjects.REFUSALS_STREAM, 20_000)
    async with intake.client(key) as client:
        for number in range(60):
            item = a_posted_submission(unit="99999", source_ref=f"refused-{number}")
            assert (await client.post("/v1/submissions", json=item)).status_code == 422
    assert 0 < await around.stored(subjects.REFUSALS_STREAM) < 60


async def test_a_full_store_is_named(tmp_path: Path) -> None:
    server: NatsServer = await start_nats(tmp_path, 1_000_000, embedded=True)
    try:
        nats = await server.connect()
        await ensure_streams(nats.jetstream())
        large = [Message("ntm.v1.status.184.06280.ntm-11", b"x" * 600_000, {"Nats-Msg-Id": str(n)}) for n in range(3)]
        await publish(nats, large[:1])
        await publish(nats, large[1:2])  # the server looks at what it holds before
        with pytest.raises(StoreFullError) as refused:
            await publish(nats, large[2:])
        assert refused.value.stream is None
        await nats.close()
    finally:
        await server.stop()


async def one_by_one(client: Client, several: list[Message]) -> None:
    for message in several:
        await publish(client, [message], 2)


async def test_a_server_whose_write_has_failed_is_stuck_until_it_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may grow no more stands for the full disk: nobody needs to be root for it."""
    nats = Nats(tmp_path / "nats", free_port())
    process = nats.process(STORE)
    assert process.is_stuck
    limited = ["prlimit", "--fsize=300000", *process.command]
    log = tmp_path / "logs" / "nats.log"
    monkeypatch.setattr(supervisor, "WATCH_SECONDS", 600)
    async with Supervisor(tmp_path) as running:
        await running.start(replace(process, command=limited))
        settings = Settings(
            database_url=SecretStr("postgresql+asyncpg://nowhere"),
            nats_url=nats.url,
            nats_seed_file=seed_file(nats.users, "migrate"),
        )
        async with connected(settings, "test", 10) as migrate:
            await ensure_streams(migrate.jetstream(), store_bytes=STORE)
        assert not await process.is_stuck(log)
        as_intake = settings.model_copy(update={"nats_seed_file": seed_file(nats.users, "intake")})
        async with connected(as_intake, "test", 10) as client:
            with pytest.raises(BrokerUnavailableError):
                await one_by_one(client, messages(60, "grows"))
            assert silent_streams(client) == [subjects.SUBMISSIONS_STREAM]
            await try_writing(client, "intake")  # the stream of trials goes on
        assert await process.is_stuck(log)
        monkeypatch.setattr(local_nats, "can_be_written", lambda _: False)
        assert not await process.is_stuck(log)  # another start would not help yet


async def test_no_server_is_started_on_a_disk_that_takes_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would delete each stream for which it can make no file."""
    nats = Nats(tmp_path / "nats", free_port())
    process = nats.process(STORE)
    assert local_nats.can_be_written(nats.directory)
    assert not local_nats.can_be_written(tmp_path / "gone")
    monkeypatch.setattr(local_nats, "can_be_written", lambda _: False)
    async with Supervisor(tmp_path) as running:
        with pytest.raises(StartFailedError, match="the disk takes no files"):
            await running.start(process)
    assert not nats.has_data, "it was never started"


async def test_operators_hear_of_a_stream_that_is_nearly_full_before_it_refuses_and_of_the_end(
    around: Surroundings, intake: Service
) -> None:
    nats, stream = around.nats, subjects.SUBMISSIONS_STREAM
    await publish(nats, messages(40, "grows"))
    held = (await nats.jetstream().stream_info(stream)).state.bytes

    async def reported(state: str) -> str | None:
        reports = [json.loads(one.data) for one in await around.published(subjects.trouble("intake", "disk"))]
        return (reports[-1].get("details") or {}).get("en", "") if reports and reports[-1]["state"] == state else None

    await limit(nats, stream, held * 100 // 79 + 10_000)
    assert await nearly_full(nats, [stream], None, []) is None
    await limit(nats, stream, held * 100 // 85)
    said = await eventually(lambda: reported("raised"))
    assert stream in said
    assert "%" in said
    await one_by_one(nats, messages(1, "fits"))
    await limit(nats, stream, 10 * held)
    await eventually(lambda: reported("cleared"))


async def test_a_store_and_a_disk_that_are_nearly_full_are_named_with_their_share(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nats = around.nats
    await publish(nats, messages(40, "grows"))
    held = (await nats.jetstream().account_info()).storage
    assert await nearly_full(nats, [], 2 * held, [tmp_path]) is None
    full = await nearly_full(nats, [], held * 10 // 9, [])
    assert full is not None
    assert "%" in full.vi
    for free, inodes in ((100, 900), (900, 10)):  # of 1,000 blocks, and of 1,000 inodes
        room = {"f_blocks": 1000, "f_bfree": free, "f_bavail": free}
        room |= {"f_files": 1000, "f_ffree": inodes, "f_favail": inodes}
        monkeypatch.setattr("shared.service.fullness.os.statvfs", lambda _, room=room: SimpleNamespace(**room))
        full = await nearly_full(nats, [], None, [tmp_path])
        assert full is not None
        assert str(tmp_path) in full.en
