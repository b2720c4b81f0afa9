"""The mailbox of answers: a mail server that takes mail for it by SMTP, and pymap, which serves it by IMAP with TLS."""

from __future__ import annotations

import asyncio
import ssl
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from mailbox import Maildir
from pathlib import Path
from uuid import uuid4

import aiosmtplib
from aiosmtpd.handlers import Mailbox as IntoMaildir
from aiosmtpd.smtp import SMTP
from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.maildir import MaildirBackend
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

from tests.certificates import HERE, Authority
from tests.ports import free_port

ADDRESS, PASSWORD = "traloi@langson.example.vn", 'a "password" \\ with marks'


@dataclass
class AnswersMailbox:
    """The mailbox and its servers; IMAP may be stopped and started again."""

    directory: Path
    authority: Authority
    smtp_port: int
    imap_port: int
    _connections: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """The settings by which notify reads it."""
        return {
            "NTM_MAIL_ANSWERS_ADDRESS": ADDRESS,
            "NTM_MAIL_ANSWERS_HOST": HERE,
            "NTM_MAIL_ANSWERS_PORT": str(self.imap_port),
            "NTM_MAIL_ANSWERS_PASSWORD": PASSWORD,
            "NTM_MAIL_ANSWERS_CA_FILE": str(self.authority.file),
            "NTM_MAIL_ANSWERS_SECONDS": "0.2",
        }

    async def start(self) -> None:
        """Serve the mailbox by IMAP, at the same port each time."""
        arguments = Namespace(
            base_dir=str(self.directory), concurrency=None, layout="++", colon=None, debug=False, host=HERE,
            port=str(self.imap_port), cert=None, key=None, tls=False, proxy_protocol=None, passlib_cfg=None,
        )  # fmt: skip
        backend, config = await MaildirBackend.init(arguments)
        config.apply_context()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.authority.issue(HERE))
        serve = IMAPServer(backend.login, config)

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(serve(reader, writer, SocketInfoLocal(writer, unique_id=uuid4().bytes)))
            self._connections.append(task)
            await asyncio.wait([task])

        self._server = await asyncio.start_server(take, HERE, self.imap_port, ssl=context)

    async def stop(self) -> None:
        """Let the IMAP server be away, with its connections."""
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def send(self, mail: bytes) -> None:
        """Send a mail to the mailbox, as the mail server of somebody who answers does."""
        await aiosmtplib.send(
            mail, sender="x@example.vn", recipients=[ADDRESS], hostname=HERE, port=self.smtp_port, start_tls=False
        )

    @property
    def flags(self) -> list[str]:
        """The marks of the mails, as the maildir keeps them: `R` where it was answered, `S` where it was seen."""
        return [mail.get_flags() for mail in Maildir(self.directory / "traloi", create=False)]


def _make(directory: Path) -> None:
    """Make an empty maildir, and the files in which pymap finds its owner."""
    directory.mkdir()
    (directory / "pymap-etc-passwd").write_text(f"{ADDRESS}:x::::traloi:\n")
    (directory / "pymap-etc-shadow").write_text(f"{ADDRESS}:{BuiltinHash().hash(PASSWORD)}:::::::\n")
    for name in ("tmp", "new", "cur"):
        (directory / "traloi" / name).mkdir(parents=True)


@asynccontextmanager
async def answers_mailbox(directory: Path) -> AsyncIterator[AnswersMailbox]:
    """Serve a mailbox of answers."""
    _make(directory)
    own = AnswersMailbox(directory, Authority(directory / "authority"), free_port(), free_port())
    loop = asyncio.get_running_loop()
    handler = IntoMaildir(str(directory / "traloi"))
    smtp = await loop.create_server(lambda: SMTP(handler, loop=loop, data_size_limit=2**25), HERE, own.smtp_port)
    await own.start()
    try:
        yield own
    finally:
        await own.stop()
        smtp.close()
