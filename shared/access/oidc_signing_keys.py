"""The public keys that check an issuer's tokens, fetched from the issuer and kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

import jwt
import structlog

from shared.problems import Problem, Problems
from shared.user_agent import USER_AGENT

log = structlog.get_logger()

_LIFETIME_SECONDS = 300
_UNKNOWN_SECONDS = 30
_RETRY_SECONDS = 5
_TIMEOUT_SECONDS = 5


class SigningKeys:
    """An issuer's signing keys by id, fetched again every five minutes, and when a token names an unknown key.

    Unknown keys make it fetch at most once in `unknown_seconds`, however many tokens name them, and one fetch runs at a
    time. While the issuer is away its last keys stay valid.
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None,
        algorithms: Collection[str],
        *,
        unknown_seconds: float = _UNKNOWN_SECONDS,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._algorithms = algorithms
        self._unknown_seconds = unknown_seconds
        self._keys: dict[str, jwt.PyJWK] | None = None
        self._fetch_at = self._unknown_at = time.monotonic()
        self._turn = asyncio.Lock()

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of this id; None when the issuer has none. Problem 503 as long as no keys could be fetched."""
        is_known = self._keys is not None and kid in self._keys
        if self._is_due(kid) and not (is_known and self._turn.locked()):
            async with self._turn:
                if self._is_due(kid):
                    await self._fetch()
        if self._keys is None:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": str(_RETRY_SECONDS)})
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        now = time.monotonic()
        is_unknown = self._keys is not None and kid not in self._keys
        return now >= self._fetch_at or (is_unknown and now >= self._unknown_at)

    async def _fetch(self) -> None:
        is_for_unknown = time.monotonic() < self._fetch_at
        try:
            self._keys = await asyncio.to_thread(self._download)
        except (jwt.PyJWTError, OSError, ValueError) as error:
            log.warning("keys of the issuer not fetched", issuer=self._issuer, error=str(error))
            wait_seconds = _RETRY_SECONDS
        else:
            wait_seconds = _LIFETIME_SECONDS
        self._fetch_at = time.monotonic() + wait_seconds
        if is_for_unknown:
            self._unknown_at = time.monotonic() + self._unknown_seconds

    def _download(self) -> dict[str, jwt.PyJWK]:
        keys = _client(self._jwks_url or str(discovered(self._issuer)["jwks_uri"])).get_jwk_set().keys
        usable = (key for key in keys if key.key_id and key.public_key_use in (None, "sig"))
        return {str(key.key_id): key for key in usable if key.algorithm_name in self._algorithms}


def discovered(issuer: str) -> dict[str, Any]:
    """Return an issuer's discovery document, which names its keys.

    Raises ValueError for a document that is none of this issuer, and OSError or PyJWTError where it cannot be had.
    """
    document: Any = _client(f"{issuer.rstrip('/')}/.well-known/openid-configuration").fetch_data()
    named = document if isinstance(document, dict) else {}
    if named.get("issuer") != issuer or not isinstance(named.get("jwks_uri"), str):
        raise ValueError("its discovery document names another issuer, or no keys")
    return named


def _client(url: str) -> jwt.PyJWKClient:
    """Return PyJWT's client for one document: HTTP(S) only, no redirects, no cache beside that of `SigningKeys`."""
    return jwt.PyJWKClient(url, cache_jwk_set=False, headers={"User-Agent": USER_AGENT}, timeout=_TIMEOUT_SECONDS)
