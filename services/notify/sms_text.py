"""Texts of SMS: the GSM 7-bit alphabet (3GPP TS 23.038), the number of parts, and writing so that one part suffices.

A part holds 160 septets. One character outside the alphabet turns the whole message into UCS-2, of which a part
holds 70. So texts are written in plain letters unless the settings ask for diacritics.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from shared.text import without_diacritics

PART_SEPTETS, JOINED_SEPTETS = 160, 153
PART_UNITS, JOINED_UNITS = 70, 67
"""The capacity of a part, alone and where several are joined, in septets or in UTF-16 units."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Characters that are written with an escape and count as two septets."""

# Some carriers refuse % # & [ ] { } \ < @ in messages with a sender's name, so these have a spelling too.
_SPELLINGS = str.maketrans(
    {
        "≥": " min ", "≤": " max ", "–": "-", "—": "-", "−": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"',
        "%": " pc", "#": "so ", "&": "va", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "<": " ", "@": " tai ",
        "^": "", "~": "-", "|": "/", "`": "'", "€": "EUR", "×": "x",
    }
)  # fmt: skip


def septets(text: str) -> int:
    """Return the number of septets of a text; ValueError names a character outside the alphabet."""
    count = 0
    for mark in text:
        if mark not in _BASIC and mark not in _EXTENDED:
            raise ValueError(f"not in the GSM alphabet: {mark!r}")
        count += 2 if mark in _EXTENDED else 1
    return count


def is_plain(text: str) -> bool:
    """Say whether every character is of the GSM alphabet."""
    return all(mark in _BASIC or mark in _EXTENDED for mark in text)


def plain(text: str) -> str:
    """Return the text on one line in plain letters that every carrier takes; other characters become `?`."""
    spelled = without_diacritics(unicodedata.normalize("NFC", text).translate(_SPELLINGS)).translate(_SPELLINGS)
    written = "".join(mark if mark.isascii() else "?" for mark in spelled if mark.isprintable() or mark.isspace())
    return " ".join(written.split())


def clip(text: str, length: int) -> str:
    """Return the text with at most `length` characters, ending in dots where it was cut."""
    return text if len(text) <= length else text[: max(length - 2, 0)].rstrip(" ,.;-") + ".."


def parts(text: str) -> int:
    """Return the number of parts of a text, in UCS-2 when a character is outside the GSM alphabet."""
    composed = unicodedata.normalize("NFC", text)
    try:
        size, alone, joined = septets(composed), PART_SEPTETS, JOINED_SEPTETS
    except ValueError:
        size, alone, joined = len(composed.encode("utf-16-le")) // 2, PART_UNITS, JOINED_UNITS
    return 1 if size <= alone else -(-size // joined)


@dataclass(frozen=True, slots=True)
class Style:
    """The style of messages: plain letters or diacritics, and the greatest number of parts."""

    has_diacritics: bool = False
    most_parts: int = 1

    def write(self, text: str) -> str:
        """Return the text on one line in the letters of this style."""
        return " ".join(unicodedata.normalize("NFC", text).split()) if self.has_diacritics else plain(text)

    def fits(self, message: str) -> bool:
        """Say whether the message takes no more parts than allowed."""
        return parts(message) <= self.most_parts

    def cut(self, message: str) -> str:
        """Return as much of the message as fits."""
        alone, joined = (PART_UNITS, JOINED_UNITS) if self.has_diacritics else (PART_SEPTETS, JOINED_SEPTETS)
        return clip(message, alone if self.most_parts == 1 else joined * self.most_parts)
