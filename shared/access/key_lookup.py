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
    """A key as the database has it."""

    secret_hash: str
    caller: Caller
    is_revoked: bool
    ends: float | None
    """Unix time."""

    @classmethod
    def of(cls, row: KeyRow) -> StoredKey:
        """Read from a row of `keys_by_id`."""
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
        """Whether it opens anything at this Unix time."""
        return not self.is_revoked and (self.ends is None or now < self.ends)


class Lookup:
    """Finds keys by id and remembers each answer for a second, also that there is none.

    One query is under way at a time. It asks for all ids that came meanwhile, each once, so that neither many
    requests of one key nor many unknown keys are many queries.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._cache: dict[str, tuple[float, StoredKey | None]] = {}
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, StoredKey]] | None = None
        self._asked: dict[str, asyncio.Task[dict[str, StoredKey]]] = {}

    async def find(self, key_id: str) -> StoredKey | None:
        """The key of this id; None when there is none. Raises what the database raises, TimeoutError included."""
        known = self._cache.get(key_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        # shielded: who gives up waiting must not end the query for the others
        return (await asyncio.shield(self._query_for(key_id))).get(key_id)

    def _query_for(self, key_id: str) -> asyncio.Task[dict[str, StoredKey]]:
        """The query that brings this key: the one under way, or the one after it."""
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
            found = {row.id: StoredKey.of(row) for row in rows}
            if len(self._cache) + len(ids) > _CACHE_SIZE:
                self._cache.clear()
            # counted from when it was asked: a key that was revoked while the answer was on its way is not kept longer
            self._cache |= {key_id: (asked_at + _CACHE_SECONDS, found.get(key_id)) for key_id in ids}
            return found


class Uses:
    """Notes when keys are used: once a minute each, several at a time, after the request rather than in it.

    It is no more than a hint to who runs the system: what cannot be written is left out, and a process that is
    stopped leaves out its last second.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._noted: dict[str, float] = {}
        self._unwritten: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def note(self, key_id: str) -> None:
        """This key is used now."""
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
