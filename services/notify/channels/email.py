"""E-mail by SMTP: text and HTML, threaded by commune and criterion, repeated under the same Message-ID."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr

import aiosmtplib
from aiosmtplib import errors

from services.notify.channels import Outcome, Result, Session
from services.notify.notices import Notice
from services.notify.settings import NotifySettings

_AUTHENTICATION_CODES = {530, 534, 535, 538}


class Email:
    """The province's mail server."""

    sessions = 4

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        name, address = parseaddr(settings.smtp_from)
        self._sender = Address(name, addr_spec=address)
        self._tls = ssl.create_default_context()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """A session that connects when the first notice comes, and hangs up at the end."""
        settings = self._settings
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_tls,
            start_tls=settings.smtp_starttls and not settings.smtp_tls,
            tls_context=self._tls,
            username=settings.smtp_username,
            password=password,
            timeout=settings.send_timeout_seconds,
        )
        session = _SmtpSession(client, self._sender)
        try:
            yield session
        finally:
            await session.hang_up()


class _SmtpSession:
    def __init__(self, client: aiosmtplib.SMTP, sender: Address) -> None:
        self._client = client
        self._sender = sender
        self._unreachable: Outcome | None = None

    async def deliver(self, notice: Notice) -> Outcome:
        """One mail. Once the server cannot be reached, the rest of the session's notices share that outcome."""
        if self._unreachable:
            return self._unreachable
        try:
            mail = compose(notice, self._sender)
        except ValueError as error:
            return Outcome(Result.PERMANENT, f"not an address: {error}")
        try:
            if not self._client.is_connected:
                await self._client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            self._unreachable = connecting_failed(error)
            return self._unreachable
        try:
            _, answer = await self._client.send_message(mail)
        except (errors.SMTPResponseException, errors.SMTPRecipientsRefused, ValueError) as error:
            return sending_failed(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()  # an answer that comes too late must not be taken for the next mail's
            return sending_failed(error)
        except asyncio.CancelledError:
            self._client.close()
            raise
        return Outcome(Result.SENT, answer, provider_id=mail["Message-ID"])

    async def hang_up(self) -> None:
        """Leave politely where the server still listens."""
        try:
            if self._client.is_connected:
                await self._client.quit()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()


def connecting_failed(error: Exception) -> Outcome:
    """No conversation came about. Refused keys and missing encryption are ours to put right."""
    if isinstance(error, errors.SMTPAuthenticationError) or not isinstance(
        error, OSError | errors.SMTPResponseException
    ):
        return Outcome(Result.TECHNICAL, _words(error))
    return Outcome(Result.TEMPORARY, _words(error))


def sending_failed(error: Exception) -> Outcome:
    """What the server's refusal of one mail means: 5xx of the recipient or the content is for good."""
    if isinstance(error, errors.SMTPRecipientsRefused):
        return sending_failed(error.recipients[0])
    if isinstance(error, errors.SMTPResponseException):
        if error.code in _AUTHENTICATION_CODES or (isinstance(error, errors.SMTPSenderRefused) and error.code >= 500):
            return Outcome(Result.TECHNICAL, _words(error))
        return Outcome(Result.PERMANENT if 500 <= error.code < 600 else Result.TEMPORARY, _words(error))
    if isinstance(error, ValueError | errors.SMTPNotSupported):
        return Outcome(Result.PERMANENT, _words(error))
    return Outcome(Result.TEMPORARY, _words(error))


def _words(error: Exception) -> str:
    if isinstance(error, errors.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


def compose(notice: Notice, sender: Address) -> EmailMessage:
    """The mail of a notice; ValueError when its address is none.

    The policy refuses line breaks in headers and `_line` takes them out of what people have written, so a name
    cannot add a header.
    """
    mail = EmailMessage(policy=SMTP_POLICY)
    thread = f"<thread.{notice.thread}@{sender.domain}>"
    mail["From"] = sender
    mail["To"] = _mailbox(notice)
    mail["Subject"] = _line(notice.wording.subject or "")
    mail["Date"] = notice.created_at
    mail["Message-ID"] = f"<{notice.request_id}@{sender.domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["List-Id"] = f"NTM <ntm.{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Content-Language"] = notice.language
    mail.set_content(notice.wording.text, cte="quoted-printable")
    if notice.wording.html:
        mail.add_alternative(notice.wording.html, subtype="html", cte="quoted-printable")
    return mail


def _mailbox(notice: Notice) -> Address:
    try:
        mailbox = Address(_line(notice.name), addr_spec=notice.address)
    except (ValueError, IndexError, MessageError) as error:  # whatever the standard library's parser stumbles over
        raise ValueError(str(error)) from error
    if not mailbox.domain:
        raise ValueError("empty")
    return mailbox


def _line(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
