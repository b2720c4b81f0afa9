"""Keys looked up in the database, and their last use recorded there, with few statements however many requests come."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.agency_keys import KeyRow, keys_by_id, valid_keys_of
from shared.access.caller import Caller
from shared.time import utc_now

log = structlog.get_logger()

_CACHE_SECONDS = 1.0
_CACHE_SIZE = 10_000
_QUERY_SECONDS = 5
_NOTE_SECONDS = 60
_GATHER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored, ready to be compared with the key of a request."""

    secret_hash: str
    caller: Caller
    is_revoked: bool
    ends: float | None
    """The end of the key as Unix time; None: it has no end."""
    is_replaced: bool
    """It was rotated to another, beside which it is still valid for a while."""

    @classmethod
    def of(cls, row: KeyRow) -> StoredKey:
        """Return the stored key of a row."""
        ends: datetime | None = row.expires_at
        caller = Caller(
            agency=row.agency,
            units=tuple(row.units),
            criteria=tuple(row.criteria),
            key=row.id,
            name=row.name,
            expires_at=ends,
            rate_per_minute=row.rate_per_minute,
        )
        return cls(
            row.secret_hash,
            caller,
            row.revoked_at is not None,
            ends.timestamp() if ends else None,
            bool(row.replaced_by),
        )

    def is_open(self, now: float) -> bool:
        """Return whether the key is valid at this Unix time."""
        return not self.is_revoked and (self.ends is None or now < self.ends)


async def stored_keys(engine: AsyncEngine, key_ids: Collection[str]) -> dict[str, StoredKey]:
    """Return the keys of these ids, as far as they exist."""
    return {row.id: StoredKey.of(row) for row in await keys_by_id(engine, key_ids)}


async def keys_of_agencies(engine: AsyncEngine, agencies: Collection[str]) -> dict[str, Sequence[StoredKey]]:
    """Return by agency the keys that are valid now, newest first."""
    found: dict[str, list[StoredKey]] = {}
    for row in await valid_keys_of(engine, agencies, utc_now()):
        found.setdefault(row.agency, []).append(StoredKey.of(row))
    return dict(found)


class KeyLookup[Found]:
    """Finds keys by ids, of a key or of an agency, and remembers for a second what it found or did not find.

    One query runs at a time, and the next one asks for all ids that came meanwhile: many requests with one key, and
    many unknown keys, make few queries.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        query: Callable[[AsyncEngine, Collection[str]], Awaitable[Mapping[str, Found]]],
    ) -> None:
        self._engine = engine
        self._ask = query
        self._cache: dict[str, tuple[float, Found | None]] = {}
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[Mapping[str, Found]] | None = None
        self._asked: dict[str, asyncio.Task[Mapping[str, Found]]] = {}

    async def find(self, searched: str) -> Found | None:
        """Return what this id has; None when there is none. Raises the errors of the database, also TimeoutError."""
        known = self._cache.get(searched)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        # shielded: a request that is given up must not end the query for the others
        return (await asyncio.shield(self._query_for(searched))).get(searched)

    def _query_for(self, searched: str) -> asyncio.Task[Mapping[str, Found]]:
        """Return the query that asks for this id: the running one, or the next one."""
        if searched in self._asked:
            return self._asked[searched]
        self._wanted.add(searched)
        if self._next is None:
            self._next = asyncio.create_task(self._query())
        self._asked[searched] = self._next
        return self._next

    async def _query(self) -> Mapping[str, Found]:
        async with self._turn:
            ids, self._wanted, self._next = self._wanted, set(), None
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(_QUERY_SECONDS):
                    found = await self._ask(self._engine, ids)
            finally:
                for searched in ids:
                    del self._asked[searched]
            if len(self._cache) + len(ids) > _CACHE_SIZE:
                self._cache.clear()
            # counted from the question: a key that is revoked while the answer is on its way is not remembered longer
            self._cache |= {searched: (asked_at + _CACHE_SECONDS, found.get(searched)) for searched in ids}
            return found


class KeyUses:
    """Records when keys or sessions were last used: once a minute for each, several at a time, after the request.

    Operators need it only roughly: a record that cannot be written is lost, and so is the last second of a process.
    """

    def __init__(
        self, engine: AsyncEngine, write: Callable[[AsyncEngine, Sequence[str], datetime], Awaitable[None]]
    ) -> None:
        self._engine = engine
        self._write_uses = write
        self._noted: dict[str, float] = {}
        self._unwritten: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def note(self, key_id: str) -> None:
        """Record that this key is used now."""
        now = time.monotonic()
        if now < self._noted.get(key_id, -math.inf) + _NOTE_SECONDS:
            return
        self._noted[key_id] = now
        self._unwritten.add(key_id)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        key_ids, self._unwritten, self._writing = sorted(self._unwritten), set(), None
        try:
            await self._write_uses(self._engine, key_ids, utc_now())
        except (SQLAlchemyError, OSError) as error:
            log.warning("last use not noted", keys=len(key_ids), error=type(error).__name__)
