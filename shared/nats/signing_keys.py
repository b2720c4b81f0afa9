"""The keys by which messages are signed and verified: one set for each signed stream, in a program's own files.

    DIR/STREAM.keys   a line for each key, `<id> <secret> [<until>]`: the first one signs, all of them verify

A retired key has the moment until which it proves messages: those that the broker stored before.
`ntm nats users` writes the files beside the seed of a program's user, and renews and retires keys without a stop: a
file is read again when it has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from weakref import WeakKeyDictionary

import structlog
from nats.aio.client import Client

from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.unreachable import BrokerUnusableError
from shared.signatures import HEADER, Key, key_named, signature
from shared.texts import filled, phrase

log = structlog.get_logger()

_LOOK_SECONDS = 1
"""The time after which a program looks whether a file has changed: so soon a retired key proves nothing any more."""


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
        keys = [_key(*line.split()) for line in filter(None, lines)]
    except (OSError, ValueError, TypeError) as error:  # no content of the file: it has secrets
        reason = (
            (error.strerror or "")
            if isinstance(error, OSError)
            else "not lines of an id, a secret and perhaps a moment"
        )
        raise MissingKeysError(path, reason) from None
    if not keys or keys[0].until is not None:
        raise MissingKeysError(path, "no key that signs")
    return keys


def _key(name: str, secret: str, until: str | None = None) -> Key:
    if until is None:
        return Key(name, secret.encode())
    moment = datetime.fromisoformat(until)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset")
    return Key(name, secret.encode(), moment)


def written(keys: Sequence[Key]) -> bytes:
    """Return the content of a file with these keys."""
    lines = ([key.id, key.secret.decode(), *([key.until.isoformat()] if key.until else [])] for key in keys)
    return "".join(f"{' '.join(line)}\n" for line in lines).encode()


class _OfStream:
    """The keys of one stream, as their file has them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed: tuple[int, int] | None = None
        self._looked_at = 0.0
        self.first = Key("", b"")
        self.by_id: dict[str, Key] = {}
        self.renew()

    def renew(self) -> None:
        """Read the file again where it has changed.

        A file that vanished or was damaged under a running program changes nothing: it goes on by the keys that it has.
        """
        self._looked_at = monotonic()
        try:
            found = self._path.stat()
        except OSError:
            if self._changed is not None:
                return
            raise MissingKeysError(self._path, "there is no such file that can be read") from None
        if self._changed != (found.st_mtime_ns, found.st_ino):
            try:
                keys = read_keys(self._path)
            except MissingKeysError as error:
                if self._changed is None:
                    raise
                log.warning("signing keys kept", error=str(error))
            else:
                self.first, self.by_id = keys[0], {key.id: key for key in keys}
            self._changed = found.st_mtime_ns, found.st_ino

    def renew_now_and_then(self) -> None:
        """Look whether the file has changed, at most once a second."""
        if monotonic() - self._looked_at > _LOOK_SECONDS:
            self.renew()


class SigningKeys:
    """The keys in a program's directory, read when a stream is first needed, and again when they have changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._streams: dict[str, _OfStream] = {}

    def sign(self, messages: Iterable[Message]) -> None:
        """Sign the messages that go to a signed stream and have no signature yet, or one by a retired key."""
        renewed = set[str]()
        for message in messages:
            stream = subjects.stream_of(message.subject)
            if stream in subjects.SIGNED and (HEADER not in message.headers or self._is_retired(stream, message)):
                keys = self._of(stream)
                if stream not in renewed:
                    keys.renew()
                    renewed.add(stream)
                message.headers[HEADER] = signature(keys.first, message.subject, message.headers, message.body)

    def find(self, stream: str, key_id: str) -> Key | None:
        """Return a key of a stream; None where it is unknown, also after another look into the file."""
        keys = self._of(stream)
        keys.renew_now_and_then()
        if key_id not in keys.by_id:
            keys.renew()
        return keys.by_id.get(key_id)

    def check(self, stream: str) -> None:
        """Raise MissingKeysError where a stream's keys cannot be used."""
        self._of(stream)

    def _is_retired(self, stream: str, message: Message) -> bool:
        named = self.find(stream, key_named(message.headers) or "")
        return named is not None and named.until is not None

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
