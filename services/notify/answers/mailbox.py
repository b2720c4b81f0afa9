"""The mailbox of answers, by IMAP with TLS: what is unread in it, and the mark of what was taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from aioimaplib import IMAP4_SSL, AioImapException, Response, quoted

from services.notify.answers.mail import LONGEST_MAIL
from services.notify.answers.settings import AnswersSettings
from shared.tls import tls_context

_PATIENCE_SECONDS = 20
_LONGEST_ANSWER = 300


class MailboxAwayError(Exception):
    """The mailbox cannot be read now: its server is away, refuses the login, or says what nobody understands."""


class Mailbox:
    """A connection to the mailbox, which is made when it is needed and kept.

    Answers that were taken are marked as `\\Answered`, which every server knows and which reading mails by another
    program does not change. All methods raise `MailboxAwayError`.
    """

    def __init__(self, settings: AnswersSettings) -> None:
        self._settings = settings
        self._tls = tls_context("NTM_MAIL_ANSWERS", settings.mail_answers_ca_file, None, None)
        self._client: IMAP4_SSL | None = None

    async def unread(self) -> Sequence[str]:
        """Return the numbers of the mails that nobody has taken yet, oldest first."""
        client = await self._connected()
        await self._answered(client.select("INBOX"))  # again each time: servers tell then what came meanwhile
        found = await self._answered(client.uid_search("UNANSWERED", "UNDELETED", charset=None))
        return [word for line in found.lines[:1] for word in line.decode().split() if word.isdecimal()]

    async def mail(self, number: str) -> bytes | None:
        """Return the beginning of a mail; None where it is gone."""
        client = await self._connected()
        found = await self._answered(client.uid("fetch", number, f"(BODY.PEEK[]<0.{LONGEST_MAIL}>)"))
        return next((bytes(part) for part in found.lines if isinstance(part, bytearray)), None)

    async def mark(self, number: str) -> None:
        """Mark a mail as taken."""
        client = await self._connected()
        await self._answered(client.uid("store", number, "+FLAGS.SILENT", r"(\Answered)"))

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client and client.protocol.transport:
            client.protocol.transport.close()

    async def _connected(self) -> IMAP4_SSL:
        if self._client is None:
            settings = self._settings
            password = settings.mail_answers_password.get_secret_value() if settings.mail_answers_password else ""
            self._client = IMAP4_SSL(
                settings.mail_answers_host, settings.mail_answers_port, timeout=_PATIENCE_SECONDS, ssl_context=self._tls
            )
            await self._within(self._client.wait_hello_from_server())
            name = settings.mail_answers_username or settings.mail_answers_address or ""
            await self._answered(self._client.login(quoted(name), password))
        return self._client

    async def _answered(self, command: Awaitable[Response]) -> Response:
        response = await self._within(command)
        if response.result != "OK":
            words = b" ".join(line for line in response.lines if isinstance(line, bytes))
            raise MailboxAwayError(f"{response.result} {words[:_LONGEST_ANSWER].decode(errors='replace')}")
        return response

    async def _within[Answer](self, command: Awaitable[Answer]) -> Answer:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await command
        except (AioImapException, OSError, TimeoutError, ValueError) as error:
            raise MailboxAwayError(str(error) or type(error).__name__) from error
