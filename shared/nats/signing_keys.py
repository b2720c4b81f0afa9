"""The keys by which messages are signed and verified: one set for each signed stream, in a program's own files.

    DIR/STREAM.keys   a line for each key, `<id> <secret>`: the first one signs, all of them verify

`ntm nats users` writes the files beside the seed of a program's user, and renews keys without a stop: a file is read
again when it has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from nats.aio.client import Client

from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.unreachable import BrokerUnusableError
from shared.signatures import HEADER, Key, signature
from shared.texts import filled, phrase


class MissingKeysError(BrokerUnusableError):
    """A program lacks the keys of a stream whose messages it signs or verifies."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(filled(phrase("signing_keys.missing"), path=path, reason=reason))


def keys_file(directory: Path, stream: str) -> Path:
    """Return the file with the keys of a stream."""
    return directory / f"{stream}.keys"


def read_keys(path: Path) -> list[Key]:
    """Read the keys of a file, the one that signs first; MissingKeysError where there are none."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        keys = [Key(name, secret.encode()) for name, secret in map(str.split, filter(None, lines))]
    except (OSError, ValueError) as error:  # no content of the file: it has secrets
        reason = (error.strerror or "") if isinstance(error, OSError) else "not lines of an id and a secret"
        raise MissingKeysError(path, reason) from None
    if not keys:
        raise MissingKeysError(path, "no key")
    return keys


def written(keys: Sequence[Key]) -> bytes:
    """Return the content of a file with these keys."""
    return "".join(f"{key.id} {key.secret.decode()}\n" for key in keys).encode()


class _OfStream:
    """The keys of one stream, as their file has them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed: tuple[int, int] | None = None
        self.first = Key("", b"")
        self.by_id: dict[str, Key] = {}
        self.renew()

    def renew(self) -> None:
        """Read the file again where it has changed. One that vanished under a running program changes nothing."""
        try:
            found = self._path.stat()
        except OSError:
            if self._changed is not None:
                return
            raise MissingKeysError(self._path, "there is no such file that can be read") from None
        if self._changed != (found.st_mtime_ns, found.st_ino):
            keys = read_keys(self._path)
            self.first, self.by_id = keys[0], {key.id: key for key in keys}
            self._changed = found.st_mtime_ns, found.st_ino


class SigningKeys:
    """The keys in a program's directory, read when a stream is first needed, and again when they have changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._streams: dict[str, _OfStream] = {}

    def sign(self, messages: Iterable[Message]) -> None:
        """Sign the messages that go to a signed stream and have no signature yet."""
        renewed = set[str]()
        for message in messages:
            stream = subjects.stream_of(message.subject)
            if stream in subjects.SIGNED and HEADER not in message.headers:
                keys = self._of(stream)
                if stream not in renewed:
                    keys.renew()
                    renewed.add(stream)
                message.headers[HEADER] = signature(keys.first, message.subject, message.headers, message.body)

    def find(self, stream: str, key_id: str) -> Key | None:
        """Return a key of a stream; None where it is unknown, also after another look into the file."""
        keys = self._of(stream)
        if key_id not in keys.by_id:
            keys.renew()
        return keys.by_id.get(key_id)

    def check(self, stream: str) -> None:
        """Raise MissingKeysError where a stream's keys cannot be used."""
        self._of(stream)

    def _of(self, stream: str) -> _OfStream:
        if stream not in self._streams:
            self._streams[stream] = _OfStream(keys_file(self._directory, stream))
        return self._streams[stream]


_BY_CONNECTION: WeakKeyDictionary[Client, SigningKeys] = WeakKeyDictionary()


def sign_by(nats: Client, keys: SigningKeys) -> None:
    """Have everything that is published on a connection signed by these keys."""
    _BY_CONNECTION[nats] = keys


def keys_of(nats: Client) -> SigningKeys | None:
    """Return the keys by which a connection signs; None where it signs nothing."""
    return _BY_CONNECTION.get(nats)
