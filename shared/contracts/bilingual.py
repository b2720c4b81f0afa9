"""Texts for people in two languages."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

type Language = Literal["vi", "en"]


class Bilingual(BaseModel):
    """A text for people, Vietnamese first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vi: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the text in a language."""
        return self.vi if language == "vi" else self.en

    @property
    def in_both(self) -> str:
        """The text in both languages, where nobody knows the reader's: Vietnamese, then English."""
        return f"{self.vi} / {self.en}"
