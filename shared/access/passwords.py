"""Passwords: what makes one good enough, the hash that is stored of it (Argon2id), and one-time passwords.

A password is compared in Unicode's composed form (NFC): keyboards for Vietnamese write the same letters in two ways.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase

SHORTEST = 12
LONGEST = 200
"""The letters of a password, at least and at most."""

_FEWEST_KINDS = 5
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's choice for a busy server
_COMMON = Path(__file__).parent / "common_passwords.txt"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""The letters of one-time passwords: none is easily taken for another when read from paper."""


def fault_of(password: str, name: str) -> Bilingual | None:
    """Return why an account of this name may not have this password; None: it may."""
    text = _composed(password)
    if len(text) < SHORTEST:
        return filled(phrase("access.password_short"), least=SHORTEST)
    if len(text) > LONGEST:
        return filled(phrase("access.password_long"), most=LONGEST)
    plain = _plain(text)
    if len(set(plain)) < _FEWEST_KINDS or plain in _common():
        return phrase("access.password_common")
    for part in {name, name.partition("@")[0]}:
        if len(_plain(part)) > 2 and len(plain.replace(_plain(part), "")) < SHORTEST // 2:
            return phrase("access.password_is_name")
    return None


def hash_of_password(password: str) -> str:
    """Return the text to store of a password, with its salt. It takes some 20 ms and 19 MiB, on purpose."""
    return _HASHER.hash(_composed(password))


def is_password(password: str, stored: str | None) -> bool:
    """Return whether the stored hash is of this password; where none is stored, no after the same time."""
    try:
        is_right = _HASHER.verify(stored or _nobodys(), _composed(password)[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return is_right and stored is not None


def one_time_password() -> str:
    """Return a new password to be read out or written down: four groups of four letters and digits (79 bits)."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _plain(text: str) -> str:
    return "".join(letter for letter in _composed(text).casefold() if letter.isalnum())


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


@cache
def _common() -> frozenset[str]:
    return frozenset(map(_plain, _COMMON.read_text(encoding="utf-8").split()))
