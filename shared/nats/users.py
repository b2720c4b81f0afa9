"""The broker's users: their nkeys in a directory, and the part of the server's configuration that names them.

    DIR/server/users.conf   accounts, users and what each may do; the server's configuration includes it
    DIR/USER/USER.nk        the seed of a user's newest key, by which its program connects
    DIR/USER/STREAM.keys    the keys by which its program signs and verifies the messages of a stream
    DIR/signing             these keys, for users that are made later
    DIR/users.json          the public keys of each user, newest first

The national server's users are others, and sign nothing:

    DIR/province-CODE/national.conf     a province's way to the national server, with its seed

Each user has a folder, so that a container gets its own seed and no other. A key is renewed without a stop: the server
takes the new key and those before, until these are retired.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nkeys

from shared.contracts import subjects
from shared.nats import national
from shared.nats.accounts import configuration, national_configuration
from shared.nats.roles import ROLES, STREAMS_ACCOUNT, agency, inbox_of
from shared.nats.signing_keys import keys_file, read_keys, written
from shared.signatures import Key, new_key

type PublicKeys = dict[str, list[str]]
"""By user: the public keys that the server takes, newest first."""

AGENCY = "agency-"
"""The beginning of the names of agencies' users."""


class UnknownUserError(Exception):
    """No user has this name, or no signed stream."""


class WrongDirectoryError(Exception):
    """The directory has the users of a province's server, not of the national one."""


def make_users(directory: Path, agencies: Collection[str] = ()) -> list[str]:
    """Make the users that are missing, with those of some agencies, and return their names."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _changing(directory) as keys:
        if national.MIGRATE in keys:
            return []  # of the national server, whose keys are renewed like others
        made = _make_missing(directory, keys, [role.name for role in (*ROLES, *map(agency, agencies))])
        for stream in subjects.SIGNED:
            file = keys_file(_signing(directory), stream)
            _keep_keys(directory, stream, read_keys(file) if file.exists() else [new_key()])
    return made


def make_national_users(directory: Path, provinces: Collection[str], address: str, ca_file: str | None) -> list[str]:
    """Make the users of the national server that are missing, with those of some provinces; return their names.

    `address` is where these provinces' servers reach it, and `ca_file` the authorities that vouch for it, as a file
    there. WrongDirectoryError where the directory is a province's.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    users = [national.province(code).name for code in provinces]
    with _changing(directory) as keys:
        if keys and national.MIGRATE not in keys:
            raise WrongDirectoryError(directory)
        made = _make_missing(directory, keys, [national.READER, national.MIGRATE, *users])
    for user in users:
        remote = {
            "urls": [address],
            "account": national.ACCOUNT,
            "nkey": seed_file(directory, user).read_text().strip(),
        }
        link = {"remotes": [remote | ({"tls": {"ca_file": ca_file}} if ca_file else {})]}
        _put(link_file(directory, user), f"leafnodes: {json.dumps(link, indent=2)}\n".encode())
    return made


def provinces_of(directory: Path) -> list[str]:
    """Return the codes of the provinces that have a user on the national server."""
    file = directory / "users.json"
    return _provinces(json.loads(file.read_bytes()) if file.exists() else {})


def _provinces(keys: PublicKeys) -> list[str]:
    return sorted(name.removeprefix(national.PROVINCE) for name in keys if name.startswith(national.PROVINCE))


def _make_missing(directory: Path, keys: PublicKeys, wanted: Sequence[str]) -> list[str]:
    made = {name: _new_key() for name in wanted if name not in keys}
    keys.update({name: [public] for name, (public, _) in made.items()})
    for name, (_, seed) in made.items():
        _keep_seed(directory, name, seed)
    return list(made)


def renew_signing(directory: Path, stream: str) -> None:
    """Give a stream a new key to sign by; those before stay good for what they have signed.

    Every program can verify by the new key before the first one signs by it.
    """
    if stream not in subjects.SIGNED:
        raise UnknownUserError(stream)
    with _changing(directory):
        before = read_keys(keys_file(_signing(directory), stream))
        new = new_key()
        _keep_keys(directory, stream, [*before, new])
        _keep_keys(directory, stream, [new, *before])


def retire_signing(directory: Path, stream: str, at: datetime) -> None:
    """Give a stream a new key to sign by, and let those before prove only what the broker stored before a moment."""
    renew_signing(directory, stream)
    with _changing(directory):
        first, *before = read_keys(keys_file(_signing(directory), stream))
        retired = [key if key.until is not None and key.until <= at else key._replace(until=at) for key in before]
        _keep_keys(directory, stream, [first, *retired])


def renew(directory: Path, user: str) -> None:
    """Give a user a new key beside those that it has, which stay good until `retire`."""
    public, seed = _new_key()
    with _changing(directory) as keys:
        keys[user] = [public, *_of(keys, user)]
    _keep_seed(directory, user, seed)


def retire(directory: Path, user: str) -> None:
    """Leave a user only its newest key."""
    with _changing(directory) as keys:
        keys[user] = _of(keys, user)[:1]


def remove(directory: Path, user: str) -> None:
    """Remove an agency's user, or a province's."""
    if not user.startswith((AGENCY, national.PROVINCE)):
        raise UnknownUserError(user)
    with _changing(directory) as keys:
        _of(keys, user)
        del keys[user]
    shutil.rmtree(seed_file(directory, user).parent, ignore_errors=True)


def adopt_streams(store: Path) -> bool:
    """Hand the streams of a server that had no accounts, and is stopped, to their account; return whether it had any.

    Versions before had one token for everybody, and kept everything in the server's default account.
    """
    before, after = store / "jetstream" / "$G", store / "jetstream" / STREAMS_ACCOUNT
    if not (before / "streams").is_dir() or after.exists():
        return False
    before.rename(after)
    return True


def seed_file(directory: Path, user: str) -> Path:
    """Return the file with the seed of a user's key."""
    return directory / user / f"{user}.nk"


def link_file(directory: Path, user: str) -> Path:
    """Return the file that the configuration of a province's server includes."""
    return directory / user / "national.conf"


def server_file(directory: Path) -> Path:
    """Return the file that the server's configuration includes."""
    return directory / "server" / "users.conf"


def login(seed: Path) -> dict[str, Any]:
    """Return the arguments by which nats-py connects as the user after whom the seed's file is named.

    Nobody else can hear the user's inboxes.
    """
    return {"nkeys_seed": str(seed), "inbox_prefix": inbox_of(seed.stem).encode()}


def _of(keys: PublicKeys, user: str) -> list[str]:
    if user not in keys:
        raise UnknownUserError(user)
    return keys[user]


def _new_key() -> tuple[str, bytes]:
    """Return the public key and the seed of a new key."""
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode(), seed


def _keep_seed(directory: Path, user: str, seed: bytes) -> None:
    seed_file(directory, user).parent.mkdir(mode=0o700, exist_ok=True)
    _put(seed_file(directory, user), seed)


def _signing(directory: Path) -> Path:
    return directory / "signing"


def _keep_keys(directory: Path, stream: str, keys: Sequence[Key]) -> None:
    """Write a stream's keys for all users that have them, where the files differ."""
    users = [role.name for role in ROLES if stream in role.keys]
    for folder in (_signing(directory), *(directory / user for user in users)):
        folder.mkdir(mode=0o700, exist_ok=True)
        file = keys_file(folder, stream)
        if not file.exists() or file.read_bytes() != written(keys):
            _put(file, written(keys))


@contextmanager
def _changing(directory: Path) -> Iterator[PublicKeys]:
    """Yield the public keys, and write them and the server's configuration at the end. One process at a time."""
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = directory / "users.json"
        keys: PublicKeys = json.loads(file.read_bytes()) if file.exists() else {}
        yield keys
        _write(directory, keys)


def _write(directory: Path, keys: PublicKeys) -> None:
    _put(directory / "users.json", (json.dumps(keys, indent=2) + "\n").encode())
    if national.MIGRATE in keys:
        accounts = national_configuration(_provinces(keys), keys)
    else:
        agencies = [agency(name.removeprefix(AGENCY)) for name in keys if name.startswith(AGENCY)]
        accounts = configuration([*ROLES, *agencies], keys)
    written = f"# Written by `ntm nats users`.\n{accounts}"
    # it names public keys only, and the server may run as somebody else
    server_file(directory).parent.mkdir(mode=0o755, exist_ok=True)
    _put(server_file(directory), written.encode(), 0o644)


def _put(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in place whole; by default only the owner can read it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
