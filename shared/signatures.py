"""Signatures that prove who wrote a message: HMAC-SHA-256 over its subject, its id and its whole content.

The content has what decides: unit, period, stage, figures and digest, agency, times. The subject is signed as well, so
that no message stands for another unit. HMAC costs 2 us, where an Ed25519 signature takes 100 us to verify.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

HEADER = "ntm-signature"
"""The header of a signature: `<id of the key>.<base64url of the HMAC>`."""

EVENT_ID = "ce-id"
"""The header with a message's own id, which is signed."""


class Key(NamedTuple):
    """A key with its id, which messages name."""

    id: str
    secret: bytes
    until: datetime | None = None
    """The moment from which on it proves nothing, since somebody may have stolen it."""


def new_key() -> Key:
    """Return a new key."""
    return Key(secrets.token_hex(4), secrets.token_urlsafe(32).encode())


def signature(key: Key, subject: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the signature of a message by a key."""
    # neither a subject nor a header can hold a line break, so that no two messages are written alike
    signed = b"%b\n%b\n%b" % (_encoded(subject), _encoded(headers.get(EVENT_ID, "")), body)
    proof = urlsafe_b64encode(hmac.digest(key.secret, signed, "sha256")).rstrip(b"=")
    return f"{key.id}.{proof.decode()}"


def key_named(headers: Mapping[str, str]) -> str | None:
    """Return the id of the key that a message names; None where it has no signature."""
    given = headers.get(HEADER)
    return None if given is None else given.partition(".")[0]


def proves(key: Key, subject: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether the signature in a message's headers is that of the message by this key."""
    expected = signature(key, subject, headers, body)
    return hmac.compare_digest(expected.encode(), _encoded(headers.get(HEADER, "")))


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # a header may have been no UTF-8
