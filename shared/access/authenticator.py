"""Callers recognised by their keys or tokens, until the end of a key and within its rate. A process has one
`Authenticator`."""

from __future__ import annotations

import hmac
import math
import re
import time
from functools import lru_cache
from typing import Self

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.agency_keys import hash_of, note_uses
from shared.access.caller import Caller, unauthorized
from shared.access.issuer_sign_in import IssuerSignIn
from shared.access.key_lookup import KeyLookup, KeyUses, StoredKey, keys_of_agencies, stored_keys
from shared.access.oidc_tokens import Issuer, is_token
from shared.access.sessions import Session, note_session_uses, session_hash, stored_sessions
from shared.problems import Problem, Problems
from shared.settings import Settings
from shared.texts import filled, phrase

_KEY = re.compile(r"ntm_([0-9a-f]{12})_([\w-]{43})", re.ASCII)
_NO_HASH = hash_of("")
_TOKEN_LENGTH = 100


class Authenticator:
    """Recognises callers by a key or, where an issuer is configured, by a token of the issuer.

    A key that was looked up is remembered for a second; its end counts to the moment, by the real time. Rates count in
    this process alone, so a service of three processes lets three times as many requests through. The sliding counter
    of `limits` estimates them by the last and the present minute: a request costs the same however many came before.
    """

    def __init__(
        self, engine: AsyncEngine, issuer: Issuer | None = None, issuer_sign_in: IssuerSignIn | None = None
    ) -> None:
        self.issuer_sign_in = issuer_sign_in
        """The issuer at which people sign in; None: they do not."""
        self._issuer = issuer
        self._keys = KeyLookup(engine, stored_keys)
        self._of_agencies = KeyLookup(engine, keys_of_agencies)
        self._uses = KeyUses(engine, note_uses)
        self._sessions = KeyLookup(engine, stored_sessions)
        self._session_uses = KeyUses(engine, note_session_uses)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    @classmethod
    def of(cls, engine: AsyncEngine, settings: Settings) -> Self:
        """Return the authenticator of these settings."""
        return cls(engine, Issuer.of(settings), IssuerSignIn.of(settings))

    async def caller(self, authorization: str | None) -> Caller:
        """Return the caller that the `Authorization` header names; problem 401 without one, 429 above the rate."""
        caller = await self.recognise(authorization)
        await self._limit(caller)
        return caller

    async def agency(self, agency: str) -> Caller:
        """Return the caller of an agency whose connection proves who it is, with the scope and rate of its key.

        Problem 401 where the agency has no valid key, or several of different scopes, of which nothing names one; 429
        above the rate. A key that was rotated counts where its successor is no longer valid.
        """
        now = time.time()
        valid = [key for key in await self._of_agencies.find(agency) or () if key.is_open(now)]
        keys = [key for key in valid if not key.is_replaced] or valid
        if not keys:
            raise unauthorized(Problems.WRONG_KEY, filled(phrase("access.no_key_of_agency"), agency=agency))
        if len({_scope(key) for key in keys}) > 1:
            ids = ", ".join(key.caller.key for key in keys)
            raise unauthorized(
                Problems.NO_KEY, filled(phrase("access.several_keys_of_agency"), agency=agency, keys=ids)
            )
        caller = keys[0].caller
        self._uses.note(caller.key)
        await self._limit(caller)
        return caller

    async def session(self, token: str | None, *, uses: bool = True) -> Session | None:
        """Return the open session of a cookie's token, None without one. `uses`: it stays open for longer by it."""
        if not token or len(token) > _TOKEN_LENGTH:
            return None
        known_as = session_hash(token)
        session = await self._sessions.find(known_as)
        if session is None or not session.is_open(time.time()):
            return None
        if uses:
            self._session_uses.note(known_as)
        return session

    async def person(self, token: str, *, uses: bool = True) -> Caller:
        """Return the person who is signed in by a cookie's token. `uses`: the session stays open for longer by it.

        Problem 401 where the session is over or its password has to be changed first, 429 above the rate.
        """
        caller = await self.recognise_person(token, uses=uses)
        await self._limit(caller)
        return caller

    async def recognise_person(self, token: str, *, uses: bool = True) -> Caller:
        """Return the person of a session, which costs nothing of the rate; problem 401 without one."""
        session = await self.session(token, uses=uses)
        if session is None:
            raise unauthorized(Problems.NO_KEY, phrase("access.session_over"))
        if session.has_first_password:
            raise unauthorized(Problems.NO_KEY, phrase("access.first_password"))
        return session.caller

    async def recognise(self, authorization: str | None) -> Caller:
        """Return the caller of an answer that goes on, which costs nothing of the rate; problem 401 without one."""
        scheme, _, credential = (authorization or "").partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            raise unauthorized(Problems.NO_KEY)
        if self._issuer and is_token(credential):
            return await self._issuer.caller(credential)
        return await self._holder(credential)

    async def _holder(self, credential: str) -> Caller:
        """Return the holder of a key; problem 401, which takes as long for an unknown id as for a wrong secret."""
        if not (match := _KEY.fullmatch(credential)):
            raise unauthorized(Problems.WRONG_KEY)
        key_id, secret = match.groups()
        stored = await self._keys.find(key_id)
        is_right = hmac.compare_digest(stored.secret_hash if stored else _NO_HASH, hash_of(secret))
        if not stored or not is_right or not stored.is_open(time.time()):
            raise unauthorized(Problems.WRONG_KEY)
        self._uses.note(key_id)
        return stored.caller

    async def _limit(self, caller: Caller) -> None:
        limit = _limit(caller.rate_per_minute)
        if await self._limiter.hit(limit, caller.agency, caller.key):
            return
        frees_at = (await self._limiter.get_window_stats(limit, caller.agency, caller.key)).reset_time
        detail = filled(phrase("access.rate_limited"), rate=caller.rate_per_minute)
        retry_after = max(1, math.ceil(frees_at - time.time()))
        raise Problem(Problems.RATE_LIMITED, detail=detail, headers={"Retry-After": str(retry_after)})


def _scope(key: StoredKey) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(key.caller.units), frozenset(key.caller.criteria)


@lru_cache
def _limit(rate_per_minute: int) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(rate_per_minute)
