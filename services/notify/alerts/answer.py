"""Answers to notices."""

from __future__ import annotations

from enum import Enum

from services.notify.texts import phrase


class AnswerMeaning(Enum):
    """The consequence of an answer, in words for people."""

    ACKNOWLEDGED = phrase("answers.acknowledged")
    NOTE = phrase("answers.note")
    """It says something else: that is kept, and the alerts stay as they were."""
    AUTOMATIC = phrase("answers.automatic")
    EXPIRED = phrase("answers.expired")
    OTHER_SENDER = phrase("answers.other_sender")
    UNKNOWN = phrase("answers.unknown")
    """It names no notice of ours."""
    UNREADABLE = phrase("answers.unreadable")

    @property
    def code(self) -> str:
        """The stable code for programs and the database."""
        return self.name.lower()
