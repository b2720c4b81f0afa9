"""Masking: texts for logs and for people without the secrets and phone numbers that they quote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

_SECRET_NAMES = re.compile(r"authorization|cookie|token|secret|password|seed|api_?key|phone", re.IGNORECASE)
_ACCESS_KEY = re.compile(r"ntm_[0-9a-f]{12}_[\w-]+")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]*")
_PHONE = re.compile(r"(?<![\w.:-])(?:\+84|0)\d{9,10}(?![\w-])")
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]+):[^@\s]+@")
_SIGNING_SECRET = re.compile(r"whsec_[\w+/=-]+")
_BROKER_SEED = re.compile(r"\bS[ACNOPUX][A-Z2-7]{56}\b")
_LINK = re.compile(r"(?<=/a/)[\w-]{16,}")
_SHORTEST_KNOWN = 6


class _Known:
    """The secrets of this process's own settings, which a library or a server may quote in an error."""

    def __init__(self) -> None:
        self.values: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, values: set[str]) -> None:
        self.values |= {value for value in values if len(value) >= _SHORTEST_KNOWN}
        longest_first = sorted(self.values, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


_known = _Known()


def know_secrets_of(settings: BaseModel) -> None:
    """Let `mask` hide the secrets of the process's settings also where nothing else shows that they are secrets."""
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    passwords = [urlsplit(secret).password for secret in secrets if "://" in secret]
    _known.add({*secrets, *(unquote(password) for password in passwords if password)})


def mask(text: str) -> str:
    """Return the text with keys, tokens, links, phone numbers, passwords in URLs and known secrets made unreadable."""
    text = _URL_PASSWORD.sub(r"\1:***@", text)
    if _known.pattern:
        text = _known.pattern.sub("***", text)
    text = _ACCESS_KEY.sub("ntm_***", text)
    text = _TOKEN.sub("eyJ***", text)
    text = _SIGNING_SECRET.sub("whsec_***", text)
    text = _BROKER_SEED.sub("S***", text)
    text = _LINK.sub("***", text)
    return _PHONE.sub(lambda found: "***" + found[0][-3:], text)


def without_keys(text: str) -> str:
    """Return the text with access keys made unreadable: somebody wrote one where something else belongs."""
    return _ACCESS_KEY.sub("ntm_***", text) if "ntm_" in text else text


def masked(name: str, value: Any) -> Any:
    """Return a value of a log line as it may be written: what its name or its content shows to be secret is not."""
    if _SECRET_NAMES.search(name):
        return "***"
    match value:
        case str():
            return mask(value)
        case bytes():
            return mask(value.decode(errors="replace"))
        case Mapping():
            return {key: masked(str(key), inner) for key, inner in value.items()}
        case Sequence() | set() | frozenset():
            return [masked("", inner) for inner in value]
        case BaseException():
            return mask(str(value))
        case _:
            return value
