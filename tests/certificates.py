"""Certificates that an authority of the tests' own makes on the spot, and a front that speaks TLS for PostgreSQL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import trustme

HERE = "127.0.0.1"

_ASKS_FOR_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""PostgreSQL's `SSLRequest`: its length, and 80877103."""


type Span = tuple[datetime | None, datetime | None]
"""The moments between which a certificate is valid; None: those of every other one."""


class Authority:
    """An authority whose certificates stand in a directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory, self._authority = directory, trustme.CA()
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, valid: Span | None = None) -> tuple[Path, Path]:
        """Return the files of a new certificate for a host or an address, and of its key."""
        since, until = valid or (None, None)
        certificate, key = (self._directory / f"{name}.{ending}" for ending in ("pem", "key"))
        issued = self._authority.issue_cert(name, not_before=since, not_after=until)
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key


@asynccontextmanager
async def postgres_by_tls(
    url: str, authority: Authority, name: str = HERE, valid: Span | None = None
) -> AsyncIterator[str]:
    """Yield the URL of a front that demands TLS and a certificate, before a PostgreSQL whose program has no TLS.

    The wheel's PostgreSQL is built without it. The front speaks as a server does that has it.
    """
    behind, context = urlsplit(url), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue(name, valid))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(_ASKS_FOR_TLS)) == _ASKS_FOR_TLS:
                writer.write(b"S")
                await writer.start_tls(context)
                to_server = await asyncio.open_connection(behind.hostname, behind.port)
                await asyncio.gather(_pass_on(reader, to_server[1]), _pass_on(to_server[0], writer))
        writer.close()

    server = await asyncio.start_server(take, HERE)
    port = server.sockets[0].getsockname()[1]
    yield url.replace(f":{behind.port}/", f":{port}/")
    server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
