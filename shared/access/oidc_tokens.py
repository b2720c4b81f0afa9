"""Bearer tokens of an OpenID Connect issuer in the place of keys, where the settings name one."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import jwt

from shared.access.caller import Caller, agency_id, unauthorized
from shared.access.oidc_signing_keys import SigningKeys
from shared.problems import Problem, Problems
from shared.settings import Settings
from shared.texts import filled, phrase

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""The accepted signatures. All are asymmetric: whoever can check a token must not be able to make one."""

TOKEN_LENGTH = 8192

_LEEWAY_SECONDS = 30
_REQUIRED = ("exp", "iat", "aud", "iss")
_CACHE_SECONDS = 60
_CACHE_SIZE = 10_000
_UNIT = re.compile(r"\d{2}(\d|\d{3})?", re.ASCII)
_CRITERION = re.compile(r"\*|[a-z0-9-]{1,40}")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,200}")


def is_token(credential: str) -> bool:
    """Return whether a credential looks like a signed token rather than a key."""
    return credential.count(".") == 2


async def claims_of(token: str, keys: SigningKeys, *, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token that the issuer has signed for this audience, and that is valid now.

    Problem 401 for any other, 503 without the issuer's keys.
    """
    if len(token) > TOKEN_LENGTH or not token.isascii():
        raise unauthorized(Problems.WRONG_KEY)
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
            raise unauthorized(Problems.WRONG_KEY)
        if (key := await keys.find(kid)) is None:
            raise unauthorized(Problems.WRONG_KEY)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_REQUIRED)},
        )
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError):
        raise unauthorized(Problems.WRONG_KEY) from None
    return claims


@dataclass(frozen=True, slots=True)
class Claims:
    """The names of the claims that hold the agency, the units and the criteria of a caller."""

    agency: str
    units: str
    criteria: str


class Issuer:
    """Recognises callers by tokens that one issuer signed.

    An accepted token is remembered for a minute, and not beyond its end: for that long a token is still accepted after
    the issuer has withdrawn its signing key.
    """

    def __init__(self, name: str, audience: str, claims: Claims, keys: SigningKeys, rate_per_minute: int) -> None:
        self._name = name
        self._audience = audience
        self._claims = claims
        self._keys = keys
        self._rate = rate_per_minute
        self._accepted: dict[bytes, tuple[float, float, Caller]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the issuer of the settings; None where they name none: tokens are then refused like wrong keys."""
        if not settings.oidc_issuer or not settings.oidc_audience:
            return None
        claims = Claims(settings.oidc_agency_claim, settings.oidc_units_claim, settings.oidc_criteria_claim)
        keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url, ALGORITHMS)
        return cls(settings.oidc_issuer, settings.oidc_audience, claims, keys, settings.oidc_rate_per_minute)

    async def caller(self, token: str) -> Caller:
        """Return the caller that the token names; problem 401 for an invalid token, 503 without the issuer's keys."""
        fingerprint = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._accepted.get(fingerprint)
        if known and time.monotonic() < known[0] and time.time() < known[1]:
            return known[2]
        claims = await claims_of(token, self._keys, issuer=self._name, audience=self._audience)
        caller = self._map(claims)
        if len(self._accepted) >= _CACHE_SIZE:
            self._accepted.clear()
        ends = float(claims["exp"]) + _LEEWAY_SECONDS
        self._accepted[fingerprint] = (time.monotonic() + _CACHE_SECONDS, ends, caller)
        return caller

    def _map(self, claims: Mapping[str, Any]) -> Caller:
        name = claims.get(self._claims.agency)
        try:
            agency = agency_id(name if isinstance(name, str) else "")
        except ValueError:
            raise _lacks(self._claims.agency) from None
        subject = str(claims.get("sub", ""))
        return Caller(
            agency=agency,
            units=_list(claims, self._claims.units, _UNIT),
            criteria=_list(claims, self._claims.criteria, _CRITERION),
            key=subject if _SUBJECT.fullmatch(subject) else agency,
            name=str(name),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            rate_per_minute=self._rate,
        )


def _list(claims: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return the words of a claim, which is a list, or a text with spaces or commas between the words."""
    claim = claims.get(name)
    words = re.split(r"[\s,]+", claim.strip()) if isinstance(claim, str) else claim
    if not isinstance(words, list) or not words:
        raise _lacks(name)
    if not all(isinstance(word, str) and pattern.fullmatch(word) for word in words):
        raise _lacks(name)
    return tuple(words)


def _lacks(claim: str) -> Problem:
    """Return problem 401 that names the missing claim: the token is genuine, and its issuer has to mend it."""
    return unauthorized(Problems.WRONG_KEY, filled(phrase("access.token_lacks_claim"), claim=claim))
