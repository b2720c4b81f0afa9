"""The address to which people answer a mail: the mailbox of answers, with a token that proves which notice is meant.

The token is not that of the notice's link: mail servers write addresses into their logs, and whoever reads these must
not be able to open the link.
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr

_ID_BYTES, _PROOF_BYTES = 16, 10
_TOKEN_LENGTH = 42
"""The notice's id and 80 bits that nobody can guess, in letters and digits whose case mail servers may change."""
LONGEST_NAME = 64 - 1 - _TOKEN_LENGTH
"""The most characters that the mailbox may have before the @: RFC 5321 allows 64 together with the token."""


class Token(NamedTuple):
    """The token in an address to which somebody answered: the notice that is meant, and the proof of it."""

    notice: UUID
    proof: bytes


@dataclass(frozen=True, slots=True)
class AnswerAddresses:
    """A maker of addresses for answers, each for one notice to one recipient."""

    secret: SecretStr
    mailbox: str

    def address(self, notice: UUID, recipient: str) -> str:
        """Return the address for answers to a notice that goes to the recipient's address."""
        token = b32encode(notice.bytes + self._proof(notice, recipient)).decode().rstrip("=").lower()
        name, _, domain = self.mailbox.rpartition("@")
        return f"{name}+{token}@{domain}"

    def token_in(self, addresses: Iterable[str]) -> Token | None:
        """Return the token in the one address for answers among these; None where there is none, or several."""
        tokens = {token for address in addresses if (token := self._token(address))}
        return tokens.pop() if len(tokens) == 1 else None

    def proves(self, token: Token, recipient: str) -> bool:
        """Say whether the token was made for its notice to this recipient's address."""
        return hmac.compare_digest(token.proof, self._proof(token.notice, recipient))

    def _proof(self, notice: UUID, recipient: str) -> bytes:
        said = b"answer\x00" + notice.bytes + recipient.casefold().encode()
        return hmac.digest(self.secret.get_secret_value().encode(), said, "sha256")[:_PROOF_BYTES]

    def _token(self, address: str) -> Token | None:
        name, _, domain = address.strip().casefold().rpartition("@")
        own_name, _, own_domain = self.mailbox.casefold().rpartition("@")
        name, _, written = name.partition("+")
        if (name, domain) != (own_name, own_domain) or len(written) != _TOKEN_LENGTH:
            return None
        try:
            known = b32decode(written.upper() + "=" * (-_TOKEN_LENGTH % 8))
        except (Error, ValueError):
            return None
        return Token(UUID(bytes=known[:_ID_BYTES]), known[_ID_BYTES:])
