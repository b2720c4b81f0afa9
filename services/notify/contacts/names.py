"""Names of contacts: whether a text is a name, and whether two names are those of one person."""

from __future__ import annotations

import unicodedata

from shared.characters import with_d_stroke
from shared.text import plain, without_diacritics

_TONES = frozenset(
    "\N{COMBINING GRAVE ACCENT}\N{COMBINING ACUTE ACCENT}\N{COMBINING TILDE}"
    "\N{COMBINING HOOK ABOVE}\N{COMBINING DOT BELOW}"
)
_TITLES = ("dong chi", "d/c", "dc", "ong", "ba", "anh", "chi", "ths.", "ths", "ts.", "ts")
_FORMULA = ("=", "+", "-", "@", "'")
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_BLANKS = " \t\n\r"


def written(name: str) -> str:
    """Return a name as it is stored: composed, with single blanks, and Đ where a look-alike stands for it."""
    return " ".join(with_d_stroke(unicodedata.normalize("NFC", name)).split())


def is_name(text: str) -> bool:
    """Say whether a text is a name: it has a letter, and no spreadsheet would take it for a formula."""
    return any(mark.isalpha() for mark in text) and not text.startswith(_FORMULA)


def unseen_marks(text: str, *, blanks: str = _BLANKS) -> str:
    """Return the names of the marks in a text that cannot be seen, and of blanks other than `blanks`."""
    marks = [
        mark
        for mark in text
        if mark not in blanks and (unicodedata.category(mark) in _UNSEEN or unicodedata.category(mark) == "Zs")
    ]
    return ", ".join(f"U+{ord(mark):04X} {unicodedata.name(mark, '')}".strip() for mark in dict.fromkeys(marks))


def person_key(name: str) -> str:
    """Return the form in which spellings of one name are equal: without case, with each word's tone at its end."""
    words = unicodedata.normalize("NFD", name).casefold().split()
    return " ".join("".join(sorted(word, key=lambda mark: mark in _TONES)) for word in words)


def may_be_one_person(name: str, other: str, *, share_address: bool) -> bool:
    """Say whether somebody has to decide if two names are those of one person: they differ in diacritics alone where
    one has none, in a title alone, or in one of both where the two share an address.
    """
    (bare, title), (other_bare, other_title) = _without_title(name), _without_title(other)
    if bare != other_bare or person_key(name) == person_key(other):
        return False
    is_bare = any(without_diacritics(each) == unicodedata.normalize("NFD", each) for each in (name, other))
    return share_address or is_bare or (title != other_title and "" in (title, other_title))


def _without_title(name: str) -> tuple[str, str]:
    bare = plain(name)
    title = next((title for title in _TITLES if bare.startswith(f"{title} ")), "")
    return bare.removeprefix(title).strip(), title
