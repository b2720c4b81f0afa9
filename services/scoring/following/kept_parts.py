"""Answers put together from parts, each of which is kept until figures of its units change.

A question about a whole province reads and judges the figures of all its communes once; later only those of the parts
whose figures have changed since. What is kept is true at the moment of asking.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.storage.figure_versions import StateVersion, figure_versions, state_version
from shared.http.work_slots import WorkSlots
from shared.reference.load import Reference

_QUESTIONS_KEPT = 40
"""The questions whose parts are kept, each of some 1 MB at 8,000 communes; the one not asked for longest goes first."""

type PartName = Hashable


class Question[Part, Answer](ABC):
    """A question whose parts depend on nothing but the figures of their own units."""

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """The question that is answered: no other by the same reference data is equal to it."""

    @property
    @abstractmethod
    def references(self) -> Sequence[Reference]:
        """The reference data by which it is answered."""

    @abstractmethod
    def units_by_part(self) -> Mapping[PartName, Collection[int]]:
        """Return the units of whose figures each part is made, their kin among them."""

    @abstractmethod
    async def part(self, connection: AsyncConnection, name: PartName, units: Collection[int]) -> Part:
        """Make a part from the figures of its units that are known now."""

    @abstractmethod
    def answer(self, parts: Sequence[Part]) -> Answer:
        """Return the answer, which is kept: whoever gets it changes nothing in it."""


class _Made(NamedTuple):
    version: tuple[int, int]
    """The table of submissions, and the sum of the versions of the part's units."""
    part: Any


@dataclass(slots=True)
class _Kept:
    question: Question[Any, Any]
    units_by_part: Mapping[PartName, Collection[int]]
    parts: dict[PartName, _Made] = field(default_factory=dict)
    answer: Any = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_of(self, question: Question[Any, Any]) -> bool:
        own, asked = self.question.references, question.references
        return len(own) == len(asked) and all(one is other for one, other in zip(own, asked, strict=True))


class KeptParts:
    """Keeps the answers to the questions asked for last, with their parts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._state = StateVersion(0, 0)
        self._of_units: Mapping[int, int] = {}

    async def ask[Part, Answer](
        self, question: Question[Part, Answer], slots: WorkSlots, among: Collection[PartName] | None = None
    ) -> Answer:
        """Return the answer by the figures known now.

        `slots`: those in which parts are made; problem 429 where too many wait for them already. `among`: the answer of
        these parts alone.
        """
        kept = await self._kept_of(question)
        async with kept.lock, self._engine.connect() as connection:
            versions = await self._versions(connection, kept.units_by_part, among)
            changed = [
                name for name in versions if name not in kept.parts or kept.parts[name].version != versions[name]
            ]
            if changed:
                kept.answer = None
                async with slots.taken():
                    for name in changed:
                        part = await kept.question.part(connection, name, kept.units_by_part[name])
                        kept.parts[name] = _Made(versions[name], part)
            if among is None and kept.answer is not None:
                return cast(Answer, kept.answer)
            parts = [kept.parts[name].part for name in versions]
            answer = await asyncio.to_thread(kept.question.answer, parts)
            if among is None:
                kept.answer = answer
            return cast(Answer, answer)

    async def _kept_of(self, question: Question[Any, Any]) -> _Kept:
        found = self._kept.get(question.key)
        if found is None or not found.is_of(question):
            found = _Kept(question, await asyncio.to_thread(question.units_by_part))
            self._kept[question.key] = found
        self._kept.move_to_end(question.key)
        while len(self._kept) > _QUESTIONS_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _versions(
        self,
        connection: AsyncConnection,
        units_by_part: Mapping[PartName, Collection[int]],
        among: Collection[PartName] | None,
    ) -> dict[PartName, tuple[int, int]]:
        """Return the version of each part's figures. The figures themselves may be newer, never older."""
        if (state := await state_version(connection)) != self._state:
            self._of_units, self._state = await figure_versions(connection), state
        table, number = self._state.table, self._of_units.get
        return {
            name: (table, sum([number(unit, 0) for unit in units]))
            for name, units in units_by_part.items()
            if among is None or name in among
        }
