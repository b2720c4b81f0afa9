"""Who calls: keys looked up, expiry and rates heeded, uses noted. One `Authenticator` per process."""

from __future__ import annotations

import hmac
import math
import re
import time
from functools import lru_cache

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.agency_keys import hash_of
from shared.access.caller import Caller, unauthorized
from shared.access.key_lookup import Lookup, Uses
from shared.access.oidc_tokens import Issuer, is_token
from shared.contracts.bilingual import Bilingual
from shared.problems import Problem, Problems

_KEY = re.compile(r"ntm_([0-9a-f]{12})_([\w-]{43})", re.ASCII)
_NO_HASH = hash_of("")


class Authenticator:
    """Tells who calls, by key or, where there is an issuer, by its tokens.

    Answers of the database are remembered for a second; a key's end is heeded to the moment, by the real time. Rates
    hold in this process: a service of three processes lets three times as much through. With an estimate by the last
    and the present minute (limits' sliding counter) a request costs the same however many came before it.
    """

    def __init__(self, engine: AsyncEngine, issuer: Issuer | None = None) -> None:
        self._issuer = issuer
        self._lookup = Lookup(engine)
        self._uses = Uses(engine)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def caller(self, authorization: str | None) -> Caller:
        """Who the `Authorization` header names; a problem: 401 when nobody, 429 when the key's rate is exceeded."""
        scheme, _, credential = (authorization or "").partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            raise unauthorized(Problems.NO_KEY)
        if self._issuer and is_token(credential):
            caller = await self._issuer.caller(credential)
        else:
            caller = await self._holder(credential)
        await self._limit(caller)
        return caller

    async def _holder(self, credential: str) -> Caller:
        """Who holds the key. Whether there is one of this id takes as long to tell as whether its secret is right."""
        if not (match := _KEY.fullmatch(credential)):
            raise unauthorized(Problems.WRONG_KEY)
        key_id, secret = match.groups()
        stored = await self._lookup.find(key_id)
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
        detail = Bilingual(
            vi=f"Khóa này được gửi {caller.rate_per_minute} yêu cầu mỗi phút. Hãy chờ rồi gửi lại.",
            en=f"This key may make {caller.rate_per_minute} requests a minute. Wait, then send again.",
        )
        retry_after = max(1, math.ceil(frees_at - time.time()))
        raise Problem(Problems.RATE_LIMITED, detail=detail, headers={"Retry-After": str(retry_after)})


@lru_cache
def _limit(rate_per_minute: int) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(rate_per_minute)
