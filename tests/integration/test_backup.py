"""The drill: a filled system is backed up, goes on, is destroyed, and restored."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from deploy.local.system import engines
from services.cli.backup import prune
from services.cli.migrate import SCHEMAS, prepare
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.access.tables import SessionRow
from shared.backup.archive import parts, verified, written
from shared.backup.manifest import Manifest
from shared.backup.retention import Retention, name_at
from shared.contracts import subjects
from shared.nats.users import seed_file
from shared.postgres.engine import create_engine
from shared.postgres.statements import table_of
from shared.settings import Settings
from shared.time import utc_now
from tests.builders import a_posted_submission
from tests.integration.test_rebuild import contents
from tests.people import an_account, signed_in
from tests.programs import ON_A_FULL_DISK
from tests.running import START, Service, Surroundings, ntm
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

COMMUNES = ("06280", "06004", "06283", "06286", "06025")


class Filled:
    """A system with services, in which submissions are posted."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.key = ""
        self.receipts: dict[str, str] = {}
        """By id: the commune."""

    async def start(self) -> None:
        for service in ("intake", "scoring"):
            await self.around.start(service)
        await self.around.start("notify", NTM_SMTP_HOST="127.0.0.1", NTM_SMTP_PORT="9", NTM_SMTP_FROM="ntm@example.vn")

    def service(self, name: str) -> Service:
        return next(service for service in reversed(self.around.services) if service.name == name)

    async def stop(self) -> None:
        for service in self.around.services:
            await service.stop()

    async def post(self, communes: tuple[str, ...], poor: int, **changes: Any) -> list[str]:
        counts = {"households": 1204, "poor_households": poor, "near_poor_households": 88}
        ids = []
        async with self.service("intake").client(self.key) as client:
            for unit in communes:
                body = a_posted_submission(unit=unit, readings=counts, confirmed=True, **changes)
                answer = await client.post("/v1/submissions", json=body)
                assert answer.status_code == 202, answer.text
                ids.append(answer.json()["id"])
                self.receipts[ids[-1]] = unit
        await self.settled()
        return ids

    async def settled(self) -> None:
        """Wait until the services have taken everything that stands on the streams."""
        await eventually(lambda: self.around.nothing_waits_for(*subjects.CONSUMERS))

    async def answers(self) -> dict[str, Any]:
        """Return what people are answered, and the state to the byte."""
        found: dict[str, Any] = {"state": await contents(self.around)}
        async with self.service("intake").client(self.key) as client:
            for receipt in self.receipts:
                answer = await client.get(f"/v1/submissions/{receipt}")
                found[receipt] = answer.status_code, answer.json() if answer.status_code == 200 else None
        async with self.service("scoring").client(self.key) as client:
            for unit in COMMUNES:
                found[unit] = (await client.get(f"/v1/communes/{unit}")).json()["statuses"]
        async with self.service("notify").client(self.key) as client:
            items = (await client.get("/v1/alerts", params={"limit": 5000})).json()["items"]
            # whether a report is still to be reminded of is told anew whenever intake looks
            reminders = ("sắp đến hạn", "không còn phải nhắc")
            told = [alert for alert in items if not alert["what"]["vi"].startswith(reminders)]
            found["alerts"] = {alert["id"]: alert["event"] for alert in told}
        return found

    async def published(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every message of the streams, with its number and time."""
        return {
            family: [
                (one.metadata.sequence.stream, one.metadata.timestamp, one.data, one.headers)
                for one in await self.around.published(family)
            ]
            for families in {**subjects.KEPT, **subjects.KEPT_A_YEAR}.values()
            for family in families
        }

    async def ntm(self, *arguments: str, user: str = "backup", status: int = 0, **more: str) -> str:
        self.around.as_running_system().write(self.around.logs)
        env = {**self.around.env, **self.around.user(user), **more} if user == "migrate" else {}
        return await ntm(*arguments, status=status, NTM_DATA=str(self.around.logs), **env)

    async def restore(self, *arguments: str, status: int = 0) -> str:
        return await self.ntm("restore", *arguments, user="migrate", status=status)

    async def destroy_database(self) -> None:
        async with self.around.engine.begin() as connection:
            for schema in SCHEMAS:
                await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))

    async def destroy_streams(self) -> None:
        js = self.around.nats.jetstream()
        for stream in await js.streams_info():
            await js.delete_stream(stream.config.name)


@pytest.fixture
async def filled(around: Surroundings) -> Filled:
    filled = Filled(around)
    await filled.start()
    filled.key = await around.key("20", agency="province")
    await filled.post(COMMUNES, 131)
    await filled.post(COMMUNES[:3], 240, revision=2)
    return filled


async def test_all_destroyed_and_restored_gives_the_answers_of_the_backup_and_names_the_rest_as_lost(
    filled: Filled, tmp_path: Path
) -> None:
    before, published = await filled.answers(), await filled.published()
    file = tmp_path / "b.backup"
    output = await filled.ntm("backup", str(file))
    assert "NTM_LINK_SECRET" in output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in await filled.ntm("backup", "--verify", str(file))
    (later,) = await filled.post(("06280",), 99, revision=3)

    await filled.stop()
    await filled.destroy_database()
    await filled.destroy_streams()
    output = await filled.restore(str(file))
    assert "lost" in output

    assert await filled.published() == published
    await filled.start()
    await filled.settled()
    after = await filled.answers()
    assert after.pop(later) == (404, None)
    assert after == before
    reminders = {subjects.ALL_REPORTS, subjects.ALL_ALERTS}  # intake has looked anew what is to be reminded of
    for family, messages in (await filled.published()).items():
        compared = messages[: len(published[family])] if family in reminders else messages
        assert compared == published[family], family
    (again,) = await filled.post(("06280",), 99, revision=3)  # its sender sends it once more
    assert (await filled.answers())[again][0] == 200


async def test_files_of_evidence_come_back_with_the_rest_and_the_audit_agrees(filled: Filled, tmp_path: Path) -> None:
    content = b"%PDF-1.7 minutes of the review"
    about = {"unit": "06280", "period": "2023-04", "criterion": "ntm-13", "name": "Biên bản.pdf"}
    async with filled.service("intake").client(filled.key) as client:
        answer = await client.post("/v1/evidence", params=about, content=content)
        assert answer.status_code == 202, answer.text
    path = f"/v1/evidence/{answer.json()['id']}/file"

    async def is_sent() -> bool:
        async with filled.service("intake").client(filled.key) as client:
            sent = await client.get(path)
        return (sent.status_code, sent.content) == (200, content)

    await eventually(is_sent)
    await filled.settled()
    file = tmp_path / "b.backup"
    assert "1 tệp minh chứng" in await filled.ntm("backup", str(file))

    await filled.stop()
    await filled.destroy_database()
    await filled.destroy_streams()
    store = Path(filled.around.env["NTM_EVIDENCE_STORE"].removeprefix("file://"))
    shutil.rmtree(store)
    await filled.restore(str(file))
    await filled.start()
    await filled.settled()
    await eventually(is_sent)
    audited = await filled.around.ntm("audit", "verify")
    assert "1 tệp minh chứng trong nhật ký" in audited
    [kept] = (store / "sha256").iterdir()
    assert kept.read_bytes() == content


async def test_what_came_while_the_backup_was_made_is_in_the_streams_and_comes_to_the_database(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's snapshot is taken first: a submission that arrives then stands in the streams alone."""
    older, newer, mixed = tmp_path / "older", tmp_path / "newer", tmp_path / "mixed"
    await filled.ntm("backup", str(older))
    await filled.post(("06280",), 99, revision=3)
    await filled.ntm("backup", str(newer))
    at_newer = await filled.answers()
    _joined(older, newer, mixed)

    await filled.stop()
    await filled.destroy_database()
    await filled.destroy_streams()
    await filled.restore(str(mixed))
    await filled.start()
    await filled.settled()
    assert await filled.answers() == at_newer


def _joined(database: Path, streams: Path, into: Path) -> None:
    """Write a backup with the database and the positions of one, and the streams of another."""
    of_database, of_streams = verified(database, None), verified(streams, None)
    with written(into, []) as archive:
        for file, kept in ((database, "database/"), (streams, "streams/")):
            members = verified(file, None).members
            content = dict.fromkeys((name for name in members if name.startswith(kept)), b"")
            for part in parts(file, None):
                if part.member in content:
                    content[part.member] += part.data
            for name, data in content.items():
                with archive.member(name) as write:
                    write(data)
        manifest = of_database.model_copy(update={"streams": of_streams.streams, "members": archive.members})
        archive.finish(manifest)


async def test_only_the_database_destroyed_takes_what_came_later_from_the_streams(
    filled: Filled, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    await filled.ntm("backup", str(file))
    await filled.post(("06280", "06286"), 99, revision=3)
    before, published = await filled.answers(), await filled.published()

    await filled.stop()
    await filled.destroy_database()
    assert "streams" in await filled.restore(str(file), status=1)  # the streams hold data
    output = await filled.restore(str(file), "--only", "database")
    assert "SUBMISSIONS: 2 " in output
    await filled.start()
    await filled.settled()
    assert await filled.answers() == before
    of_submissions = [family for family in published if "submissions" in family]
    again = await filled.published()
    assert {family: again[family] for family in of_submissions} == {f: published[f] for f in of_submissions}


async def test_streams_that_are_lost_as_well_are_named_before_the_database_alone_is_restored(
    filled: Filled, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    await filled.ntm("backup", str(file))
    await filled.stop()
    await filled.destroy_database()
    js = filled.around.nats.jetstream()
    last = (await js.stream_info(subjects.SUBMISSIONS_STREAM)).state.last_seq
    config = (await js.stream_info(subjects.STATUS_STREAM)).config
    await js.delete_stream(subjects.STATUS_STREAM)
    assert "STATUS" in await filled.restore(str(file), "--only", "database", status=1)
    await js.add_stream(config)  # made anew, and empty: no better
    for ways in ((), ("--replace",)):
        said = await filled.restore(str(file), "--only", "database", *ways, status=1)
        assert re.search(r"The streams STATUS lack .*--accept-loss", " ".join(said.split())), said
    assert (await js.stream_info(subjects.SUBMISSIONS_STREAM)).state.last_seq == last
    assert await filled.restore(str(file), "--only", "database", "--accept-loss")


async def test_while_the_tables_are_gone_senders_are_asked_to_come_again(filled: Filled) -> None:
    await filled.destroy_database()
    async with filled.service("intake").client(filled.key) as client:
        answer = await client.post("/v1/submissions", json=a_posted_submission(unit="06280", confirmed=True))
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text


async def test_only_the_streams_destroyed_leaves_the_database_as_it_is(filled: Filled, tmp_path: Path) -> None:
    file = tmp_path / "b"
    await filled.ntm("backup", str(file))
    published = await filled.published()
    await filled.post(("06280",), 99, revision=3)
    state, alerts = await contents(filled.around), (await filled.answers())["alerts"]

    await filled.stop()
    await filled.destroy_streams()
    assert "access" in await filled.restore(str(file), status=1)  # the database holds data
    assert "audit repair" in await filled.restore(str(file), "--only", "streams")
    assert await filled.published() == published
    await filled.start()
    await filled.settled()
    assert await contents(filled.around) == state
    assert (await filled.answers())["alerts"] == alerts


async def test_a_target_that_runs_or_holds_data_or_a_damaged_backup_changes_nothing(
    filled: Filled, tmp_path: Path
) -> None:
    file, damaged = tmp_path / "b", tmp_path / "damaged"
    await filled.ntm("backup", str(file))
    (later,) = await filled.post(("06280",), 99, revision=3)
    before = await filled.answers()
    assert "intake" in await filled.restore(str(file), "--replace", status=1)  # the services run
    await filled.stop()
    assert "--replace" in await filled.restore(str(file), status=1)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert str(damaged) in await filled.ntm("backup", "--verify", str(damaged), status=1)
    assert str(damaged) in await filled.restore(str(damaged), "--replace", status=1)
    newer = tmp_path / "newer"
    _with_head(file, newer, "9999")
    assert "9999" in await filled.restore(str(newer), "--replace", status=1)
    await filled.start()
    assert await filled.answers() == before

    await filled.stop()
    await filled.restore(str(file), "--replace")
    await filled.start()
    await filled.settled()
    assert (await filled.answers())[later] == (404, None)


def _with_head(file: Path, into: Path, head: str) -> None:
    edited(file, into, lambda manifest: manifest.heads.update(intake=head))


def edited(file: Path, into: Path, edit: Callable[[Manifest], object]) -> None:
    """Change a backup's manifest by hand; all digests agree."""
    manifest, content = verified(file, None), dict.fromkeys(verified(file, None).members, b"")
    for part in parts(file, None):
        content[part.member] += part.data
    edit(manifest)
    with written(into, []) as archive:
        for name in [name for name in content if name in manifest.members]:
            with archive.member(name) as write:
                write(content[name])
        archive.finish(manifest)


_EDITS: dict[str, Callable[[Manifest], object]] = {
    "no table": lambda manifest: manifest.tables.clear(),
    "statements in a name": lambda manifest: setattr(manifest.tables[0], "name", 'x"; DROP SCHEMA intake CASCADE; --'),
    "a table of the server": lambda manifest: setattr(manifest.tables[0], "schema_name", "pg_catalog"),
    "rows left out": lambda manifest: manifest.members.pop("database/intake.submission"),
    "a stream left out": lambda manifest: manifest.members.pop("streams/SUBMISSIONS"),
    "no versions": lambda manifest: manifest.heads.clear(),
    "another stream": lambda manifest: setattr(manifest.streams[0], "name", "../../x"),
    "a stream of other settings": lambda manifest: manifest.streams[0].config.update(name="OTHER"),
    "a stream without an end": lambda manifest: manifest.streams[0].state.clear(),
    "an end in words": lambda manifest: manifest.streams[0].state.update(last_seq="many"),
}


async def test_a_manifest_that_was_changed_by_hand_is_refused_before_anything_is_deleted(
    filled: Filled, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    await filled.ntm("backup", str(file))
    await filled.stop()
    state = await contents(filled.around)
    for name, edit in _EDITS.items():
        changed = tmp_path / name.replace(" ", "-")
        edited(file, changed, edit)
        for said in (
            await filled.ntm("backup", "--verify", str(changed), status=1),
            await filled.restore(str(changed), "--replace", status=1),
        ):
            assert str(changed) in said, name
    assert await contents(filled.around) == state


async def test_an_encrypted_backup_is_restored_by_its_identity(filled: Filled, tmp_path: Path) -> None:
    identity, file = tmp_path / "identity", tmp_path / "b"
    public = (await ntm("backup", "--new-identity", str(identity))).split()[-1]
    await filled.ntm("backup", str(file), "--encrypt-to", public)
    before = await filled.answers()
    assert "--identity" in await filled.ntm("backup", "--verify", str(file), status=1)
    await filled.ntm("backup", "--verify", str(file), "--identity", str(identity))
    await filled.stop()
    await ntm("backup", "--new-identity", str(tmp_path / "another"))
    state = await contents(filled.around)
    for wrong in ("another", "missing", "b"):
        refused = await filled.restore(str(file), "--replace", "--identity", str(tmp_path / wrong), status=1)
        assert str(tmp_path / wrong) in refused
    assert await contents(filled.around) == state
    await filled.destroy_database()
    await filled.destroy_streams()
    await filled.restore(str(file), "--identity", str(identity))
    await filled.start()
    assert await filled.answers() == before


async def test_sequences_go_on_where_they_were(filled: Filled, tmp_path: Path) -> None:
    file = tmp_path / "b"
    await filled.ntm("backup", str(file))
    await filled.stop()

    async def sequences() -> list[tuple[Any, ...]]:
        query = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
        async with filled.around.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    before = await sequences()
    assert any(last for *_, last in before)
    await filled.restore(str(file), "--replace")
    assert await sequences() == before


async def test_accounts_are_restored_and_nobody_is_signed_in_again(filled: Filled, tmp_path: Path) -> None:
    file = tmp_path / "b"
    await an_account(filled.around.engine, "lan.vanquan", "184")
    async with signed_in(filled.service("intake").url, "lan.vanquan") as client:
        await filled.ntm("backup", str(file))
        assert (await client.post("/sign-out")).status_code == 204
    await filled.stop()
    await filled.restore(str(file), "--replace")
    async with filled.around.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(table_of(SessionRow))) == 0
    await filled.start()
    async with signed_in(filled.service("intake").url, "lan.vanquan") as client:
        assert (await client.get("/v1/me")).json()["key"] == "@lan.vanquan"


async def test_a_directory_gets_a_backup_every_day_and_loses_the_old_ones(filled: Filled, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    (directory / "notes.txt").write_text("mine")
    old = [name_at(utc_now().replace(year=2020, day=day)) for day in (1, 2, 3)]
    for name in old:
        with written(directory / name, []):
            pass
    filled.around.as_running_system().write(filled.around.logs)
    command = (sys.executable, "-m", "services.cli.main", "backup", str(directory), "--daily-at", "00:00",
               "--keep", "1,0,0", "--data", str(filled.around.logs))  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)

    def is_made() -> bool:
        names = {path.name for path in directory.iterdir()}
        return not names & set(old) and len(names) == 2

    try:
        await eventually(is_made)
        (made,) = directory.glob("*.backup")
        assert verified(made, None).tables
        assert (directory / "notes.txt").exists()
    finally:
        process.terminate()  # SIGINT is ignored by what was started in the background
        await process.wait()


def listed(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def test_a_full_disk_leaves_no_file_and_every_older_backup(filled: Filled, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    for day in (1, 2, 3):
        (directory / name_at(utc_now().replace(year=2020, day=day))).write_bytes(b"older")
    before = listed(directory)
    filled.around.as_running_system().write(filled.around.logs)
    arguments = ("backup", str(directory), "--data", str(filled.around.logs))
    program = (sys.executable, "-c", ON_A_FULL_DISK)
    once = await asyncio.create_subprocess_exec(*program, *arguments, stderr=asyncio.subprocess.PIPE)
    _, words = await once.communicate()
    assert once.returncode == 1, words
    assert b"Traceback" not in words
    assert b"File too large" in words
    daily = await asyncio.create_subprocess_exec(
        *program, *arguments, "--daily-at", "00:00", "--keep", "1,0,0", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert daily.stderr
        assert "Sao lưu không thành" in (await daily.stderr.readline()).decode()
    finally:
        daily.terminate()
        await daily.wait()
    assert listed(directory) == before


def test_a_damaged_backup_takes_no_place_of_a_whole_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = utc_now()
    good, damaged = (tmp_path / name_at(now - timedelta(days=days)) for days in (2, 1))
    for file in (good, damaged, tmp_path / name_at(now - timedelta(days=3))):
        with written(file, []):
            pass
    damaged.write_bytes(damaged.read_bytes()[:-1])
    prune(tmp_path, Retention(1, 0, 0))
    assert {path.name for path in tmp_path.iterdir()} == {good.name, damaged.name}
    assert damaged.name in capsys.readouterr().err


async def test_a_backup_that_is_killed_leaves_nothing_that_passes_for_one(filled: Filled, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    filled.around.as_running_system().write(filled.around.logs)
    command = (sys.executable, "-m", "services.cli.main", "backup", str(directory), "--data", str(filled.around.logs))
    async with filled.around.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE intake.submission IN ACCESS EXCLUSIVE MODE"))  # it waits here
        process = await asyncio.create_subprocess_exec(*command)
        await eventually(lambda: list(directory.iterdir()))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert not list(directory.glob("*.backup"))
    (draft,) = directory.iterdir()
    await filled.ntm("backup", "--verify", str(draft), status=1)


async def test_a_stream_or_a_database_that_is_gone_is_an_error_with_words_and_leaves_no_file(
    around: Surroundings, tmp_path: Path
) -> None:
    around.as_running_system().write(around.logs)
    arguments = ("backup", str(tmp_path / "backups"), "--data", str(around.logs))
    (tmp_path / "backups").mkdir()
    await around.nats.jetstream().delete_stream(subjects.ALERTS_STREAM)
    assert "stream" in await ntm(*arguments, status=1)
    async with around.engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA notify CASCADE"))
    assert "ntm migrate" in await ntm(*arguments, status=1)
    assert not list((tmp_path / "backups").iterdir())


async def test_arguments_that_cannot_be_meant_are_refused(around: Surroundings, tmp_path: Path) -> None:
    around.as_running_system().write(around.logs)
    file = tmp_path / "file"
    file.write_text("x")
    data = ("--data", str(around.logs))
    await ntm("backup", *data, status=2)
    assert "HH" not in await ntm("backup", str(tmp_path), "--daily-at", "25:00", *data, status=2)
    assert "7,4,12" in await ntm("backup", str(tmp_path), "--daily-at", "02:00", "--keep", "7", *data, status=2)
    assert "file" in await ntm("backup", str(file), "--daily-at", "02:00", *data, status=2)
    assert "age1" in await ntm("backup", str(tmp_path), "--encrypt-to", "age1x", *data, status=1)
    assert str(file) in await ntm("backup", str(file), *data, status=1)  # it exists already
    assert file.read_text() == "x"
    assert str(file) in await ntm("backup", "--verify", str(file), *data, status=1)
    assert "missing" in await ntm("backup", "--verify", str(tmp_path / "missing"), *data, status=1)
    assert json.dumps(str(tmp_path / "no")).strip('"') in await ntm(
        "backup", str(tmp_path / "no" / "b"), *data, status=1
    )


async def test_a_directory_whose_engines_were_lost_is_filled_again_without_a_running_system(tmp_path: Path) -> None:
    """The commands start and stop NATS and PostgreSQL of a data directory by themselves."""
    data, other, file = tmp_path / "data", tmp_path / "other", tmp_path / "b"
    async with engines(data) as (nats, postgres):
        chosen = Settings(
            database_url=SecretStr(postgres.url), nats_url=nats.url, clock="simulated",
            nats_seed_file=seed_file(nats.users, "migrate"),
        )  # fmt: skip
        await prepare(chosen, START)
        engine = create_engine(chosen, "tests")
        await add_key(engine, "own", "own", ["20"], [EVERYTHING])
        await engine.dispose()
        env = {"NTM_DATABASE_URL": postgres.url, "NTM_NATS_URL": nats.url, "NTM_CLOCK": "simulated",
               "NTM_NATS_SEED_FILE": str(seed_file(nats.users, "backup"))}  # fmt: skip
        urls = {f"NTM_{name}_URL": "http://127.0.0.1:9" for name in ("INTAKE", "SCORING", "NOTIFY", "POSTBOX")}
        await ntm("backup", str(file), **env, **urls)
    assert "--replace" in await ntm("restore", str(file), "--data", str(data), status=1)
    output = await ntm("restore", str(file), "--data", str(other))
    assert "CLOCK" in output
    async with engines(other) as (nats, postgres):
        restored = chosen.model_copy(update={"database_url": SecretStr(postgres.url)})
        engine = create_engine(restored, "tests")
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM access.agency")) == 1
        await engine.dispose()


async def test_a_stream_of_many_parts_is_backed_up(filled: Filled, tmp_path: Path) -> None:
    """The broker sends the first parts of a stream at once, and each further one when it hears that they have come."""
    js, backup = filled.around.nats.jetstream(), tmp_path / "a.backup"
    for number in range(40):
        await js.publish("ntm.v1.refusals.tests", os.urandom(200_000), headers={"Nats-Msg-Id": str(number)})
    before = (await js.stream_info("REFUSALS")).state
    await filled.ntm("backup", str(backup))
    await filled.ntm("backup", "--verify", str(backup))
    assert backup.stat().st_size > before.bytes
