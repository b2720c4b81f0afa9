"""The worker that looks into the mailbox of answers, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.notify.answers.mailbox import Mailbox, MailboxAwayError
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_FAILURES = 3
"""The looks in a row that have to fail before operators hear that the mailbox is away."""


class AnswersReader:
    """Takes each mail in the mailbox and marks it. A mail is marked after it was taken: whoever takes mails has to know
    those again that were taken and not marked, and those that another process takes at the same time.
    """

    def __init__(self, mailbox: Mailbox, take: Callable[[bytes], Awaitable[None]], pause_seconds: float) -> None:
        self._mailbox, self._take, self._pause_seconds = mailbox, take, pause_seconds
        self._failures = 0

    @property
    def is_away(self) -> bool:
        """Whether the mailbox cannot be read, and could not for some time."""
        return self._failures >= _FAILURES

    async def run(self) -> None:
        """Read until cancelled. While the mailbox or the database is away it tries again."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._pause_seconds)
        finally:
            await self._mailbox.close()

    async def _look(self) -> None:
        try:
            for number in await self._mailbox.unread():
                if (mail := await self._mailbox.mail(number)) is not None:
                    await self._take(mail)
                    await self._mailbox.mark(number)
        except MailboxAwayError as error:
            self._failures += 1
            await self._mailbox.close()
            if self._failures <= _FAILURES:
                log.warning("mailbox of answers cannot be read", error=str(error))
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("answers wait", error=str(error))
        else:
            self._failures = 0
