"""The one-time link of a notice, by which its recipient acknowledges without a login.

A link is derived from the notice's id and a secret, so that nothing has to store the link: the database holds only its
hash, and the stored wording has a mark in the link's place.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from pydantic import SecretStr

from services.notify.alerts.notice import Wording

MARK = "\ue000"
"""The mark in the stored wording in place of the link: a character of Unicode's private use that no keyboard writes."""
VALID_FOR = timedelta(days=30)
"""The days by the services' clock, for which a link and answers to the notice hold."""
_BYTES = 16


@dataclass(frozen=True, slots=True)
class Links:
    """A maker of links that begin with `base_url`. Nobody can guess a link (128 bits) without the secret."""

    secret: SecretStr
    base_url: str

    def url(self, notice: UUID) -> str:
        """Return the link of a notice."""
        digest = hmac.digest(self.secret.get_secret_value().encode(), notice.bytes, "sha256")[:_BYTES]
        return f"{self.base_url.rstrip('/')}/a/{urlsafe_b64encode(digest).decode().rstrip('=')}"

    def hash_of(self, notice: UUID) -> bytes:
        """Return the hash of a notice's link, which the database keeps."""
        return hash_of(self.url(notice).rpartition("/")[2])

    def without(self, wording: Wording, notice: UUID) -> Wording:
        """Return the wording with the mark in place of the link, so that no later reader can acknowledge by it."""
        return _replaced(wording, self.url(notice), MARK)

    def within(self, wording: Wording, notice: UUID) -> Wording:
        """Return the wording as it is sent, with the link."""
        return _replaced(wording, MARK, self.url(notice))


def hash_of(token: str) -> bytes:
    """Return the hash of a link's token, by which the database finds the link's notice."""
    return sha256(token.encode()).digest()


def _replaced(wording: Wording, old: str, new: str) -> Wording:
    html = wording.html.replace(old, new) if wording.html else None
    return Wording(wording.text.replace(old, new), wording.subject, html)
