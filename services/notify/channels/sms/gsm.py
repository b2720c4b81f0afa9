"""Pure: the GSM 7-bit alphabet of SMS (3GPP TS 23.038), and how to write so that a message is one part.

A part holds 160 septets. One character outside the alphabet turns the whole message into UCS-2, of which a part
holds 70: so texts are written in plain letters.
"""

from __future__ import annotations

import unicodedata

from shared.text import without_diacritics

PART_SEPTETS = 160

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Written with an escape: they count twice."""

# Some carriers refuse % # & [ ] { } \ < @ in messages with a sender's name, so these have a spelling too.
_SPELLINGS = str.maketrans(
    {
        "≥": " min ", "≤": " max ", "–": "-", "—": "-", "−": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"',
        "%": " pc", "#": "so ", "&": "va", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "<": " ", "@": " tai ",
        "^": "", "~": "-", "|": "/", "`": "'", "€": "EUR", "×": "x",
    }
)  # fmt: skip


def septets(text: str) -> int:
    """How much room the text takes; ValueError names a character that is not of the alphabet."""
    count = 0
    for mark in text:
        if mark not in _BASIC and mark not in _EXTENDED:
            raise ValueError(f"not in the GSM alphabet: {mark!r}")
        count += 2 if mark in _EXTENDED else 1
    return count


def fits_one_part(text: str) -> bool:
    """Whether it can be sent as a single part of GSM 7-bit."""
    return all(mark in _BASIC or mark in _EXTENDED for mark in text) and septets(text) <= PART_SEPTETS


def plain(text: str) -> str:
    """The text on one line in plain letters that every carrier takes; what has no such spelling becomes `?`."""
    spelled = without_diacritics(unicodedata.normalize("NFC", text).translate(_SPELLINGS)).translate(_SPELLINGS)
    written = "".join(mark if mark.isascii() else "?" for mark in spelled if mark.isprintable() or mark.isspace())
    return " ".join(written.split())


def clip(text: str, length: int) -> str:
    """At most so many characters, with dots where something is left out."""
    return text if len(text) <= length else text[: max(length - 2, 0)].rstrip(" ,.;-") + ".."
