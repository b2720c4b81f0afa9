"""Data of the plan checker: the true spans of strategies and programmes, and common misspellings."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.bilingual import Bilingual
from shared.reference.models.record import Record


class Instrument(Record):
    """A strategy or programme that plans refer to, with its first and last year."""

    id: str
    name: Bilingual
    first: int
    last: int
    verified: bool
    source: str


class InstrumentsFile(Record):
    """The content of `instruments.yaml`."""

    instruments: list[Instrument]


class Misspelling(Record):
    """A word that plans write wrongly, whatever the case of its letters."""

    right: str
    wrong: list[str] = Field(min_length=1)


class Spelling(Record):
    """The content of `spelling.yaml`."""

    misspellings: list[Misspelling]
    reduplications: list[str] = Field(description="Words that Vietnamese rightly says twice: `luôn luôn`.")
