"""The file of a backup, written and read as a stream.

It is a tar, compressed by gzip, encrypted by age (https://age-encryption.org/v1) where a recipient is given, with the
SHA-256 of all that at the end. Tables and snapshots are split into parts, since a tar wants to know each entry's size
before its content. By hand: `head --bytes=-49 FILE | age --decrypt -i IDENTITY | tar --extract --gzip`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyrage
from pydantic import ValidationError

from shared.backup.errors import (
    DamagedBackupError,
    IdentityNeededError,
    NewerBackupError,
    NoBackupError,
    UnusableIdentityError,
    UnusableRecipientError,
    WrongIdentityError,
)
from shared.backup.manifest import Manifest, Member

_PART_BYTES = 4 << 20
_BLOCK_BYTES = 1 << 20
_MARK = b"ntm-backup-sha256"
_FOOTER_BYTES = len(_MARK) + hashlib.sha256().digest_size
_AGE = b"age-encryption.org/v1"
_GZIP = b"\x1f\x8b"
_MANIFEST = "manifest.json"


class Part(NamedTuple):
    """A part of a member's content."""

    member: str
    data: bytes


class Writer:
    """Writes the members of a backup, one behind the other, then its manifest."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, Member] = {}

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Yield the function that writes a member's content."""
        digest, size, number, waiting = hashlib.sha256(), 0, 0, bytearray()

        def flush() -> None:
            nonlocal number
            number += 1
            self._add(f"{name}/{number:06}", bytes(waiting))
            waiting.clear()

        def write(data: bytes) -> None:
            nonlocal size
            digest.update(data)
            size += len(data)
            waiting.extend(data)
            if len(waiting) >= _PART_BYTES:
                flush()

        yield write
        if waiting:
            flush()
        self.members[name] = Member(bytes=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, without which no backup is whole."""
        self._add(_MANIFEST, manifest.model_dump_json(indent=1).encode())

    def _add(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o600
        self._tar.addfile(entry, BytesIO(data))


@contextmanager
def written(path: Path, recipients: list[str]) -> Iterator[Writer]:
    """Yield the writer of a new backup, which takes its name when the block ends well. Only its owner can read it.

    FileExistsError where the file is there already.
    """
    if path.exists():
        raise FileExistsError(17, "exists already", str(path))
    draft = path.with_name(f".{path.name}.unfinished")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            checked = _Digesting(file)
            with (
                _encrypting(checked, recipients) as sink,
                gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=3, mtime=0, filename="") as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                yield Writer(tar)
            file.write(_MARK + checked.digest.digest())
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync_directory(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def verified(path: Path, identity: Path | None) -> Manifest:
    """Read a backup to its end, and return its manifest once every digest agrees.

    NoBackupError, DamagedBackupError, NewerBackupError; UnusableIdentityError and WrongIdentityError where it is
    encrypted.
    """
    _check_footer(path)
    manifest: Manifest | None = None
    digests: dict[str, tuple[Any, int]] = {}
    for part in _entries(path, identity):
        if part.member == _MANIFEST:
            manifest = _manifest(path, part.data)
        else:
            digest, size = digests.get(part.member) or (hashlib.sha256(), 0)
            digest.update(part.data)
            digests[part.member] = digest, size + len(part.data)
    if manifest is None:
        raise DamagedBackupError(path, _MANIFEST)
    for name, noted in manifest.members.items():
        digest, size = digests.pop(name, (hashlib.sha256(), 0))
        if (size, digest.hexdigest()) != (noted.bytes, noted.sha256):
            raise DamagedBackupError(path, name)
    if (other := next(iter(digests), None) or manifest.contradiction()) is not None:
        raise DamagedBackupError(path, other)
    return manifest


def parts(path: Path, identity: Path | None) -> Iterator[Part]:
    """Yield the parts of all members in order, of a backup that was verified."""
    yield from (part for part in _entries(path, identity) if part.member != _MANIFEST)


def is_whole(path: Path) -> bool:
    """Return whether a file is a backup whose SHA-256 agrees, also of an encrypted one without its identity."""
    try:
        _check_footer(path)
    except (NoBackupError, DamagedBackupError, OSError):
        return False
    return True


def is_encrypted(path: Path) -> bool:
    """Return whether a file is a backup that needs an identity to be read."""
    with path.open("rb") as file:
        return file.read(len(_AGE)) == _AGE


def _check_footer(path: Path) -> None:
    left = path.stat().st_size - _FOOTER_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as file:
        start = file.read(len(_AGE))
        if start != _AGE and not start.startswith(_GZIP):
            raise NoBackupError(path)
        file.seek(0)
        while left > 0 and (block := file.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
        if file.read() != _MARK + digest.digest():
            raise DamagedBackupError(path, "SHA-256")


def _manifest(path: Path, data: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        if any(fault["loc"] == ("format",) for fault in error.errors()):
            raise NewerBackupError("format > 2") from None
        raise DamagedBackupError(path, _MANIFEST) from None


def _entries(path: Path, identity: Path | None) -> Iterator[Part]:
    with path.open("rb") as file:
        limited: IO[bytes] = _Limited(file, path.stat().st_size - _FOOTER_BYTES)  # type: ignore[assignment]
        with _decrypting(limited, path, identity) as plain:
            try:
                with (
                    gzip.GzipFile(fileobj=plain, mode="rb") as unpacked,
                    tarfile.open(fileobj=unpacked, mode="r|") as tar,
                ):
                    for entry in tar:
                        content = tar.extractfile(entry)
                        data = content.read() if content else b""
                        name = entry.name if entry.name == _MANIFEST else entry.name.rpartition("/")[0]
                        yield Part(name, data)
            except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise DamagedBackupError(path, str(error)) from error


class _Digesting:
    """A file that keeps the digest of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write all of the data."""
        data = bytes(data)
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()


class _Limited:
    """A file that ends before its last bytes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


@contextmanager
def _encrypting(sink: _Digesting, recipients: list[str]) -> Iterator[Any]:
    """Yield the file to write to, whose content reaches `sink` encrypted where there are recipients."""
    if not recipients:
        yield sink
        return
    known = [recipient_of(recipient) for recipient in recipients]
    with _piped(lambda source: pyrage.encrypt_io(source, sink, known)) as file:
        yield file


@contextmanager
def _piped(work: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """Yield a file from which a thread works; the block raises the thread's error instead of a broken pipe."""
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def run() -> None:
        with os.fdopen(reading, "rb") as source:
            try:
                work(source)
            except BaseException as error:  # noqa: BLE001 - raised by the one who waits for the thread
                failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    file = os.fdopen(writing, "wb", buffering=_BLOCK_BYTES)
    try:
        yield file
        file.close()
    except BrokenPipeError:
        pass
    finally:
        with suppress(BrokenPipeError):
            file.close()
        thread.join()
    if failures:
        raise failures[0]


@contextmanager
def _decrypting(source: IO[bytes], path: Path, identity: Path | None) -> Iterator[IO[bytes]]:
    """Yield the plain content of a backup."""
    if not is_encrypted(path):
        yield source
        return
    if identity is None:
        raise IdentityNeededError(path)
    known = identities_in(identity)
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def run() -> None:
        with os.fdopen(writing, "wb") as sink:
            try:
                pyrage.decrypt_io(source, sink, known)
            except BrokenPipeError:
                pass  # the reader has ended
            except BaseException as error:  # noqa: BLE001 - raised by the reader
                failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    file = os.fdopen(reading, "rb", buffering=_BLOCK_BYTES)
    try:
        yield file
    except DamagedBackupError:
        file.close()
        thread.join()
        _raise_failure(failures, path, identity)
        raise
    finally:
        file.close()
        thread.join()
    _raise_failure(failures, path, identity)


def _raise_failure(failures: list[BaseException], path: Path, identity: Path) -> None:
    for failure in failures:
        if isinstance(failure, pyrage.DecryptError) and "matching key" in str(failure).lower():
            raise WrongIdentityError(path, identity) from failure
        if isinstance(failure, pyrage.DecryptError):
            raise DamagedBackupError(path, str(failure)) from failure
        raise failure


def recipient_of(text: str) -> pyrage.x25519.Recipient:
    """Return the recipient `age1…`. UnusableRecipientError where it is none."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise UnusableRecipientError(text, str(error)) from error


def identities_in(file: Path) -> list[pyrage.x25519.Identity]:
    """Return the identities in a file as `age-keygen` writes it. UnusableIdentityError where it has none."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise UnusableIdentityError(file, str(error)) from error
    if not found:
        raise UnusableIdentityError(file, "AGE-SECRET-KEY-1…")
    return found


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_identity(file: Path) -> str:
    """Write a new identity, which only its owner can read, and return its public key. FileExistsError."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written_file:
        written_file.write(f"# public key: {public}\n{identity}\n")
    return public
