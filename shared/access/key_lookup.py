"""Keys looked up in the database, and their last use recorded there, with few statements however many requests come."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.agency_keys import KeyRow, keys_by_id, note_uses
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
        return cls(row.secret_hash, caller, row.revoked_at is not None, ends.timestamp() if ends else None)

    def is_open(self, now: float) -> bool:
        """Return whether the key is valid at this Unix time."""
        return not self.is_revoked and (self.ends is None or now < self.ends)


class KeyLookup:
    """Finds keys by their ids, and remembers for a second each key that it found or did not find.

    One query runs at a time, and the next one asks for all ids that came meanwhile: many requests with one key, and
    many unknown keys, make few queries.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._cache: dict[str, tuple[float, StoredKey | None]] = {}
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, StoredKey]] | None = None
        self._asked: dict[str, asyncio.Task[dict[str, StoredKey]]] = {}

    async def find(self, key_id: str) -> StoredKey | None:
        """Return the key of this id; None when there is none. Raises the errors of the database, also TimeoutError."""
        known = self._cache.get(key_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        # shielded: a request that is given up must not end the query for the others
        return (await asyncio.shield(self._query_for(key_id))).get(key_id)

    def _query_for(self, key_id: str) -> asyncio.Task[dict[str, StoredKey]]:
        """Return the query that asks for this id: the running one, or the next one."""
        if key_id in self._asked:
            return self._asked[key_id]
        self._wanted.add(key_id)
        if self._next is None:
            self._next = asyncio.create_task(self._query())
        self._asked[key_id] = self._next
        return self._next

    async def _query(self) -> dict[str, StoredKey]:
        async with self._turn:
            ids, self._wanted, self._next = self._wanted, set(), None
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(_QUERY_SECONDS):
                    rows = await keys_by_id(self._engine, list(ids))
            finally:
                for key_id in ids:
                    del self._asked[key_id]
            keys = {row.id: StoredKey.of(row) for row in rows}
            if len(self._cache) + len(ids) > _CACHE_SIZE:
                self._cache.clear()
            # counted from the question: a key that is revoked while the answer is on its way is not remembered longer
            self._cache |= {key_id: (asked_at + _CACHE_SECONDS, keys.get(key_id)) for key_id in ids}
            return keys


class KeyUses:
    """Records when keys were last used: once a minute for each key, several keys at a time, after the request.

    Operators need it only roughly: a record that cannot be written is lost, and so is the last second of a process.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
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
            await note_uses(self._engine, key_ids, utc_now())
        except (SQLAlchemyError, OSError) as error:
            log.warning("last use of keys not noted", keys=len(key_ids), error=type(error).__name__)
