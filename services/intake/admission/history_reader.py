"""Reading the history of submissions from intake's tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from uuid import UUID

from asyncpg.exceptions import InternalClientError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.candidate import Candidate
from services.intake.admission.history import History
from services.intake.storage import figures, receipts
from services.intake.storage.figures import FigureLookup
from shared.reference.load import Reference
from shared.service.runtime import Runtime

DATABASE_AWAY = (SQLAlchemyError, OSError, InternalClientError)
"""Errors that mean that the database is away: also the driver's own, when a server dies in the middle of its answer."""


_SECONDS = 5
"""The longest wait for the database; after that the sender is asked to come again."""


class HistoryReader:
    """Reads histories over a connection of its own, which stays open until it fails and is then opened anew."""

    def __init__(self, runtime: Runtime) -> None:
        # single statements that only read: without a transaction around each they take half the round trips
        self._engine = runtime.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: AsyncConnection | None = None
        self._runtime = runtime
        self._elements = _elements_by(runtime.reference)
        runtime.in_use.when_replaced(self._renew_elements)

    async def read(
        self, candidates: Sequence[Candidate], others: Collection[UUID] = (), units: Collection[int] = ()
    ) -> History:
        """Return the history of the candidates; one of `DATABASE_AWAY` when the database does not answer.

        It says also which of the `others` are stored, and how far the submissions of the `units` are.
        """
        if not candidates:
            return History()
        was_open = self._connection is not None
        try:
            return await self._ask(candidates, others, units)
        except TimeoutError:
            await self.close()
            raise
        except DATABASE_AWAY:
            await self.close()
            if not was_open:
                raise
        return await self._ask(candidates, others, units)  # the database was restarted since

    async def close(self) -> None:
        """Close the connection, in whatever state it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*DATABASE_AWAY):
                async with asyncio.timeout(1):
                    await connection.invalidate()
                    await connection.close()

    async def _ask(self, candidates: Sequence[Candidate], others: Collection[UUID], units: Collection[int]) -> History:
        async with asyncio.timeout(_SECONDS):
            self._connection = self._connection or await self._open()
            # before the figures, which then hold at least these submissions
            ids = [*(candidate.id for candidate in candidates), *others]
            stored, last = await receipts.stored_ids(self._connection, ids, units)
            known = [candidate.id for candidate in candidates if candidate.id in stored]
            standing = await figures.standing(self._connection, self._lookups(candidates))
            if asked := [candidate for candidate in candidates if self._is_counted_at_levels(candidate)]:
                levels = self._runtime.reference.units.at_other_level
                keys = {other.key for candidate in asked for other in levels(candidate.unit)}
                elements = {code for candidate in asked for code in candidate.submission.readings}
                ends = {candidate.submission.period.end for candidate in asked}
                await figures.add_figures(self._connection, standing, keys, elements, ends)
            requests = _requests(candidates)
            return History(
                await receipts.receipts_of(self._connection, known),
                await receipts.withdrawals_of(self._connection, known) if known else {},
                await receipts.request_digests(self._connection, requests),
                await receipts.requests_of(self._connection, known) if known and requests else {},
                standing,
                frozenset(stored),
                last,
            )

    def _renew_elements(self) -> None:
        self._elements = _elements_by(self._runtime.reference)

    async def _open(self) -> AsyncConnection:
        connection = await self._engine.connect()
        # a plan that was made while the tables were empty would go on reading them from end to end
        await connection.execute(text("SET enable_seqscan = off"))
        return connection

    def _is_counted_at_levels(self, candidate: Candidate) -> bool:
        return self._runtime.reference.has_counted_at_levels(candidate.submission.readings)

    def _lookups(self, candidates: Iterable[Candidate]) -> set[FigureLookup]:
        return {
            FigureLookup(
                candidate.unit.key,
                candidate.submission.period,
                *self._elements(tuple(candidate.submission.readings)),
            )
            for candidate in candidates
        }


def _requests(candidates: Iterable[Candidate]) -> set[tuple[str, str]]:
    return {
        (candidate.posted.caller.agency, candidate.posted.request)
        for candidate in candidates
        if candidate.posted.request is not None and candidate.posted.request_digest is not None
    }


def _elements_by(reference: Reference) -> Callable[[tuple[str, ...]], tuple[str, str]]:
    """Return `_elements` by the reference data; most submissions have the same elements."""
    related = _related(reference)
    return lru_cache(1000)(lambda codes: _elements(codes, related))


def _elements(codes: tuple[str, ...], related: Mapping[str, set[str]]) -> tuple[str, str]:
    """Return the elements as `FigureLookup` takes them: alone, and with the elements that they have to agree with."""
    return " ".join(codes), " ".join(set().union(*(related.get(code, {code}) for code in codes)))


def _related(reference: Reference) -> dict[str, set[str]]:
    """Return, by element, the element itself and all elements that it has to agree with."""
    related = {code: {code} for code in reference.elements}
    for rule in reference.sum_rules:
        together = {rule.whole, *rule.parts}
        for code in together:
            related[code] |= together
    return related
