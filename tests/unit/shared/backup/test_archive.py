"""A backup's file: what was written comes back, and whatever was changed in it is noticed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from shared.backup.archive import is_encrypted, new_identity, parts, recipient_of, verified, written
from shared.backup.errors import (
    DamagedBackupError,
    IdentityNeededError,
    NewerBackupError,
    NoBackupError,
    UnusableIdentityError,
    UnusableRecipientError,
    WrongIdentityError,
)
from shared.backup.manifest import Manifest, Member, StreamNote, TableNote
from shared.time import utc_now

CONTENT = {
    "database/intake.submission": hashlib.shake_256().digest(9 << 20),
    "database/intake.empty": b"",
    "streams/STATUS": b"x",
}


def a_manifest(members: dict[str, Member]) -> Manifest:
    named = [member.partition("/")[2] for member in members]
    tables = [name.split(".") for name in named if "." in name]
    return Manifest(
        program="1", made_at=utc_now(), clock="real", heads={"intake": "0001"}, sequences={}, consumers={},
        tables=[TableNote(schema_name=schema, name=name, columns=["id"], rows=0) for schema, name in tables],
        streams=[
            StreamNote(name=name, config={"name": name}, state={"messages": 1, "last_seq": 1})
            for name in named if "." not in name
        ],
        members=members,
    )  # fmt: skip


def a_backup(file: Path, recipients: list[str] | None = None, content: dict[str, bytes] | None = None) -> Path:
    with written(file, recipients or []) as archive:
        for name, data in (CONTENT if content is None else content).items():
            with archive.member(name) as write:
                for start in range(0, len(data), 100_000):
                    write(data[start : start + 100_000])
        archive.finish(a_manifest(archive.members))
    return file


def contents(file: Path, identity: Path | None = None) -> dict[str, bytes]:
    found = dict.fromkeys(verified(file, identity).members, b"")
    for part in parts(file, identity):
        found[part.member] += part.data
    return found


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    file = tmp_path / "identity"
    new_identity(file)
    return file


def public_of(identity: Path) -> str:
    return identity.read_text().splitlines()[0].rpartition(" ")[2]


def test_what_was_written_comes_back_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    file = a_backup(tmp_path / "b")
    assert contents(file) == CONTENT
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    with pytest.raises(FileExistsError):
        a_backup(file)


def test_an_encrypted_backup_opens_by_its_identity_alone(tmp_path: Path, identity: Path) -> None:
    file = a_backup(tmp_path / "b", [public_of(identity)])
    assert is_encrypted(file)
    assert b"intake.submission" not in file.read_bytes()
    assert contents(file, identity) == CONTENT
    assert identity.stat().st_mode & 0o777 == 0o600
    with pytest.raises(IdentityNeededError, match="--identity"):
        verified(file, None)
    other = tmp_path / "other"
    new_identity(other)
    with pytest.raises(WrongIdentityError, match="other"):
        verified(file, other)
    for text in ("", "nonsense", "AGE-SECRET-KEY-1NONSENSE"):
        other.write_text(text)
        with pytest.raises(UnusableIdentityError):
            verified(file, other)
    with pytest.raises(UnusableIdentityError):
        verified(file, tmp_path / "missing")


def test_a_recipient_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for text in ("", "age1nonsense", "ssh-rsa AAAA"):
        with pytest.raises(UnusableRecipientError):
            recipient_of(text)


@pytest.mark.parametrize("encrypted", [False, True])
def test_every_flipped_bit_is_noticed(tmp_path: Path, identity: Path, encrypted: bool) -> None:
    small = {"database/a": b"1\t2\n" * 50, "streams/X": b"x" * 300}
    file = a_backup(tmp_path / "b", [public_of(identity)] if encrypted else [], small)
    whole = file.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises((DamagedBackupError, NoBackupError)):
            verified(file, identity)


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_backup_that_was_cut_off_or_lengthened_is_noticed(tmp_path: Path, identity: Path, encrypted: bool) -> None:
    file = a_backup(tmp_path / "b", [public_of(identity)] if encrypted else [])
    whole = file.read_bytes()
    for size in (0, 1, 30, 1000, len(whole) // 2, len(whole) - 49, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises((DamagedBackupError, NoBackupError)):
            verified(file, identity)
    file.write_bytes(whole + b"\0")
    with pytest.raises(DamagedBackupError):
        verified(file, identity)


def test_a_member_that_does_not_agree_with_the_manifest_is_named(tmp_path: Path) -> None:
    for change in ({"streams/X": Member(bytes=1, sha256="0" * 64)}, {"streams/Y": Member(bytes=1, sha256="0" * 64)}):
        file = tmp_path / "b"
        with written(file, []) as archive:
            with archive.member("streams/X") as write:
                write(b"x")
            archive.finish(a_manifest({**archive.members, **change}))
        with pytest.raises(DamagedBackupError, match=next(iter(change))):
            verified(file, None)
        file.unlink()


def test_a_backup_without_its_manifest_is_not_whole(tmp_path: Path) -> None:
    with written(tmp_path / "b", []) as archive, archive.member("streams/X") as write:
        write(b"x")
    with pytest.raises(DamagedBackupError, match="manifest"):
        verified(tmp_path / "b", None)


def test_a_newer_format_is_said_to_be_newer(tmp_path: Path) -> None:
    with written(tmp_path / "b", []) as archive:
        archive.finish(a_manifest({}).model_copy(update={"format": 3}))
    with pytest.raises(NewerBackupError):
        verified(tmp_path / "b", None)


def test_another_file_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(NoBackupError):
        verified(tmp_path / "b", None)


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_backup_that_breaks_off_leaves_nothing(tmp_path: Path, identity: Path, encrypted: bool) -> None:
    recipients = [public_of(identity)] if encrypted else []
    with pytest.raises(RuntimeError):
        _break_off(tmp_path / "b", recipients)
    assert [path.name for path in tmp_path.iterdir()] == ["identity"]


def _break_off(file: Path, recipients: list[str]) -> None:
    with written(file, recipients) as archive, archive.member("streams/X") as write:
        write(b"x" * 1000)
        raise RuntimeError


_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from tests.unit.shared.backup.test_archive import a_backup, public_of
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    a_backup(Path(sys.argv[1]), [public_of(Path(sys.argv[2]))] if sys.argv[2:] else [])
except OSError as error:
    print("OSError", error)
"""


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_full_disk_is_an_error_and_leaves_no_file(tmp_path: Path, identity: Path, encrypted: bool) -> None:
    command = [sys.executable, "-c", _ON_A_FULL_DISK, str(tmp_path / "b"), *([str(identity)] if encrypted else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("OSError"), done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["identity"]
