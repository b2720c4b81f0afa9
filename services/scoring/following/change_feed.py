"""The published changes as they come, in the order of their numbers, for everybody who watches this process."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.following.published_change import published
from services.scoring.storage.changes import (
    ChangesAsked,
    Looked,
    NumberedChange,
    are_more_behind,
    changes_behind,
    look_behind,
    newest_number,
)

KEPT = 5000
"""Changes that are kept at hand. Whoever is further behind begins anew with what the lists say."""

LOOK_SECONDS = 0.25
"""The time between two looks at the table, whoever watches. A page that looks here twice a second is told of a change
within three of these."""

_number_of = attrgetter("number")


class Missing(NamedTuple):
    """Numbers that were missing when the table was looked at, whose changes may still come."""

    below: int
    """The highest number that was there."""
    begun_before: int
    """Only transactions before this one can bring them: it had not begun."""


class Place(NamedTuple):
    """The place in the order of changes up to which all of them are seen."""

    number: int
    missing: Missing | None = None


def advance(place: Place, looked: Looked) -> tuple[Place, list[NumberedChange]]:
    """Return the new place after a look, and the changes between the two.

    A change gets its number before its transaction ends, so a lower number may be seen after a higher one. Where
    numbers are missing, the place stays before them until all transactions have ended that ran when they were first
    missed: then their own were rolled back. So whoever goes on behind a place misses nothing.
    """
    missing = place.missing
    given_up = missing.below if missing is not None and looked.oldest_open >= missing.begun_before else place.number
    number, taken = place.number, 0
    for change in looked.changes:
        if change.number > max(number + 1, given_up):
            break
        number, taken = change.number, taken + 1
    if taken == len(looked.changes):
        missing = None
    elif missing is None or number >= missing.below:
        missing = Missing(looked.changes[-1].number, looked.next_begun)
    return Place(number, missing), looked.changes[:taken]


class FollowedChange(NamedTuple):
    """A change as it is sent to everybody who asks for it."""

    number: int
    unit: int
    topic: str
    event: str
    cohorts: frozenset[str]
    text: bytes | None
    """A `PublishedChange` as JSON; None where what is stored is damaged."""

    @classmethod
    def of(cls, row: NumberedChange) -> FollowedChange:
        """Return the change of a row."""
        change = published(row)
        if change is None:
            return cls(row.number, row.unit, row.topic, "", frozenset(), None)
        text = change.model_dump_json().encode()
        return cls(row.number, row.unit, row.topic, change.event, frozenset(change.cohorts), text)

    def is_asked(self, asked: ChangesAsked) -> bool:
        """Say whether it is asked for; of a damaged one only the unit and the topic are known."""
        return (
            (asked.units is None or self.unit in asked.units)
            and (asked.topic is None or asked.topic == self.topic)
            and (self.text is None or asked.cohort is None or asked.cohort in self.cohorts)
            and (self.text is None or asked.events is None or self.event in asked.events)
        )


class ChangeFeed:
    """Follows the table of changes while somebody asks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._kept: list[FollowedChange] = []
        self._place: Place | None = None
        self._looking = asyncio.Lock()
        self._looked_at = 0.0

    async def newest(self) -> int:
        """Return the number of the newest change up to which none is missing."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._place is None or now - self._looked_at >= LOOK_SECONDS:
                async with self._engine.connect() as connection:
                    self._place = await self._look(connection)
                self._looked_at = now
            return self._place.number

    async def behind(self, number: int) -> Sequence[FollowedChange] | None:
        """Return the changes behind a number that a feed has given out, in order.

        None where they are too many, or where the table has no such number any more.
        """
        newest = await self.newest()
        if number == newest:
            return ()
        if number < newest and self._kept and self._kept[0].number <= number + 1:
            return self._kept[bisect_right(self._kept, number, key=_number_of) :]
        async with self._engine.connect() as connection:
            if number > newest:  # another process is ahead of this one, or the table is another one
                return () if number <= await newest_number(connection) else None
            if await are_more_behind(connection, number, newest, KEPT):
                return None
            found = await changes_behind(connection, number, newest, KEPT)
        return [FollowedChange.of(row) for row in found]

    async def _look(self, connection: AsyncConnection) -> Place:
        highest = await newest_number(connection)
        if self._place is None or self._place.number > highest:
            self._kept = []
            place = Place(max(highest - KEPT, 0))
        else:
            place = self._place
        while looked := await look_behind(connection, place.number, KEPT):
            place, changes = advance(place, looked)
            self._kept = [*self._kept, *map(FollowedChange.of, changes)][-KEPT:]
            if len(changes) < KEPT:
                break
        return place
