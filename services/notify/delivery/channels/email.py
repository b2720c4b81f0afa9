"""E-mail by SMTP: text and HTML, threaded by commune and criterion, repeated under the same Message-ID."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr

import aiosmtplib
from aiosmtplib import errors

from services.notify.alerts.answer_addresses import AnswerAddresses
from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result, Session
from services.notify.delivery.channels.settings import DeliverySettings
from shared.smtp import smtp_client

_AUTHENTICATION_CODES = {530, 534, 535, 538}
_IDLE_SECONDS = 20
_CLOSING = 421

# The codes of RFC 3463 about the mailbox itself, not about its size, our standing or the mail.
_NO_MAILBOX = {"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
_REFUSED_MAILBOX = {550, 551, 553}


class Email:
    """The channel that sends by the province's mail server."""

    sessions = 4

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        name, address = parseaddr(settings.smtp_from)
        self._sender = Address(name, addr_spec=address)
        self._answers = settings.answer_addresses
        self._idle: list[_SmtpSession] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session, which connects when it must. The channel keeps its connections for later sessions."""
        session = (
            self._idle.pop()
            if self._idle
            else _SmtpSession(
                smtp_client(self._settings, self._settings.send_timeout_seconds), self._sender, self._answers
            )
        )
        try:
            yield session
        finally:
            self._idle.append(session)

    async def close(self) -> None:
        """Close all connections."""
        while self._idle:
            await self._idle.pop().hang_up()


class _SmtpSession:
    def __init__(self, client: aiosmtplib.SMTP, sender: Address, answers: AnswerAddresses | None) -> None:
        self._client = client
        self._sender = sender
        self._answers = answers
        self._used_at = 0.0

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one mail."""
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            await self.hang_up()  # most servers have hung up by then, some without saying so
        self._used_at = time.monotonic()
        try:
            mail = compose(notice, self._sender, self._answers)
        except ValueError as error:
            return Outcome(Result.PERMANENT, f"not an address: {error}", ends_address=True)
        try:
            if not self._client.is_connected:
                await self._client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            return connecting_failed(error)
        try:
            _, answer = await self._client.send_message(mail)
        except (errors.SMTPResponseException, errors.SMTPRecipientsRefused, ValueError) as error:
            if is_unreadable(error):
                self._client.close()  # aiosmtplib would read the same line again as the next mail's answer
            return sending_failed(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()  # an answer that comes too late must not be taken for the next mail's
            return sending_failed(error)
        except asyncio.CancelledError:
            self._client.close()
            raise
        return Outcome(Result.SENT, answer, provider_id=mail["Message-ID"])

    async def hang_up(self) -> None:
        """Close the connection, with QUIT where the server still listens."""
        try:
            if self._client.is_connected:
                await self._client.quit()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()


def is_unreadable(error: Exception) -> bool:
    """Say whether the server's answer is none of SMTP's (RFC 5321, 4.2.1), so that it is no refusal either."""
    answers = error.recipients if isinstance(error, errors.SMTPRecipientsRefused) else [error]
    return any(isinstance(one, errors.SMTPResponseException) and not 200 <= one.code < 600 for one in answers)


def connecting_failed(error: Exception) -> Outcome:
    """Return the outcome of a failed connection. Our side has to mend refused credentials and missing encryption."""
    if isinstance(error, errors.SMTPAuthenticationError) or not isinstance(
        error, OSError | errors.SMTPResponseException
    ):
        return Outcome(Result.TECHNICAL, _words(error), is_gateways=True)
    return Outcome(Result.TEMPORARY, _words(error), is_gateways=True)


def sending_failed(error: Exception) -> Outcome:
    """Return the outcome of a refused mail: 5xx about the recipient or the content is final."""
    if isinstance(error, errors.SMTPRecipientsRefused):
        [refusal] = error.recipients
        return replace(sending_failed(refusal), ends_address=is_no_mailbox(refusal, at_recipient=True))
    if isinstance(error, errors.SMTPResponseException):
        if error.code in _AUTHENTICATION_CODES or (isinstance(error, errors.SMTPSenderRefused) and error.code >= 500):
            return Outcome(Result.TECHNICAL, _words(error), is_gateways=True)
        return Outcome(
            Result.PERMANENT if 500 <= error.code < 600 else Result.TEMPORARY,
            _words(error),
            ends_address=is_no_mailbox(error),
            is_gateways=error.code == _CLOSING,
        )
    if isinstance(error, ValueError | errors.SMTPNotSupported):
        return Outcome(Result.PERMANENT, _words(error))
    return Outcome(Result.TEMPORARY, _words(error))


def is_no_mailbox(error: errors.SMTPResponseException, *, at_recipient: bool = False) -> bool:
    """Say whether a refusal means that the address will never accept mail: by its enhanced code, or, where the server
    gives none, by its answer to RCPT TO.
    """
    if enhanced := _ENHANCED.search(error.message):
        return enhanced[0] in _NO_MAILBOX
    return at_recipient and error.code in _REFUSED_MAILBOX


def _words(error: Exception) -> str:
    if isinstance(error, errors.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


def compose(notice: Notice, sender: Address, answers: AnswerAddresses | None = None) -> EmailMessage:
    """Return the mail of a notice; ValueError when its address is not valid. `answers`: None where nobody reads them.

    The policy refuses line breaks in headers and `_line` takes them out of what people have written, so a name
    cannot add a header.
    """
    mail = EmailMessage(policy=SMTP_POLICY)
    thread = f"<thread.{notice.thread}@{sender.domain}>"
    mail["From"] = sender
    mail["To"] = _mailbox(notice)
    if answers:
        mail["Reply-To"] = answers.address(notice.id, notice.address)
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
    except (ValueError, IndexError, MessageError) as error:  # all errors of the standard library's parser
        raise ValueError(str(error)) from error
    if not mailbox.domain:
        raise ValueError("empty")
    return mailbox


def _line(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
