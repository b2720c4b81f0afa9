"""Reading the history of submissions from intake's tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.intake.admission.candidate import Candidate
from services.intake.admission.history import History
from services.intake.storage import queries
from shared.reference.load import Reference

DATABASE_AWAY = (SQLAlchemyError, OSError)
"""What says that the database is not there, or not any more."""


_SECONDS = 5
"""Longer nobody waits for the database: who sent it is asked to come again."""


class HistoryReader:
    """Looks things up over a connection of its own, which stays open until it fails and is then opened anew."""

    def __init__(self, engine: AsyncEngine, reference: Reference) -> None:
        # single statements that only read: without a transaction around each they take half the round trips
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: AsyncConnection | None = None
        related = _related(reference)
        self._elements = lru_cache(1000)(lambda codes: _elements(codes, related))  # most ask for the same ones

    async def look_up(self, entries: Sequence[Candidate]) -> History:
        """What is known about these. One of `DATABASE_AWAY` when the database does not answer."""
        if not entries:
            return History()
        was_open = self._connection is not None
        try:
            return await self._ask(entries)
        except TimeoutError:
            await self.close()
            raise
        except DATABASE_AWAY:
            await self.close()
            if not was_open:
                raise
        return await self._ask(entries)  # the database was restarted since

    async def close(self) -> None:
        """Let go of the connection, in whatever state it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, OSError):
                async with asyncio.timeout(1):
                    await connection.invalidate()
                    await connection.close()

    async def _ask(self, entries: Sequence[Candidate]) -> History:
        async with asyncio.timeout(_SECONDS):
            self._connection = self._connection or await self._open()
            there = await queries.already_there(self._connection, [entry.id for entry in entries])
            receipts = await queries.receipts_of(self._connection, there)
            requests = await queries.requests_of(self._connection, _requests(entries))
            return History(receipts, requests, await queries.standing(self._connection, self._wanted(entries)))

    async def _open(self) -> AsyncConnection:
        connection = await self._engine.connect()
        # a plan that was made while the tables were empty would go on reading them from end to end
        await connection.execute(text("SET enable_seqscan = off"))
        return connection

    def _wanted(self, entries: Iterable[Candidate]) -> set[queries.Wanted]:
        return {
            queries.Wanted(entry.unit.key, entry.submission.period, *self._elements(tuple(entry.submission.readings)))
            for entry in entries
        }


def _requests(entries: Iterable[Candidate]) -> set[tuple[str, str]]:
    return {
        (entry.posted.caller.agency, entry.posted.request)
        for entry in entries
        if entry.posted.request is not None and entry.posted.request_digest is not None
    }


def _elements(codes: tuple[str, ...], related: Mapping[str, set[str]]) -> tuple[str, str]:
    """As `Wanted` has them: these, and these with those that they have to agree with."""
    return " ".join(codes), " ".join(set().union(*(related[code] for code in codes)))


def _related(reference: Reference) -> dict[str, set[str]]:
    """By element: itself and those that it has to agree with."""
    related = {code: {code} for code in reference.elements}
    for rule in reference.sum_rules:
        together = {rule.whole, *rule.parts}
        for code in together:
            related[code] |= together
    return related
