"""Queries for difficulties and their events: the report and the answers to it. Released names say `problem`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.tables import ProblemEventRow, ProblemRow
from shared.contracts.difficulty import DifficultyLogged
from shared.postgres.statements import table_of
from shared.readable import readable

problem, problem_event = table_of(ProblemRow), table_of(ProblemEventRow)

type State = Literal["open", "answered", "closed"]


class StoredDifficulty(NamedTuple):
    """A difficulty, the surrogate key of its unit, and when it was reported."""

    id: UUID
    unit: int
    reported_at: datetime


class DifficultyFilter(NamedTuple):
    """The conditions that a list of difficulties fulfils; None sets no condition."""

    units: Sequence[int]
    state: State | None = None
    criterion: str | None = None
    before: StoredDifficulty | None = None
    """Only difficulties that stand behind this one in the list."""


_columns = select(*(problem.c[name] for name in StoredDifficulty._fields))


async def find(connection: AsyncConnection, difficulty_id: UUID) -> StoredDifficulty | None:
    """Return a difficulty; None when there is none with this id."""
    row = (await connection.execute(_columns.where(problem.c.id == difficulty_id))).one_or_none()
    return None if row is None else StoredDifficulty(*row)


async def newest(connection: AsyncConnection, filters: DifficultyFilter, limit: int) -> list[StoredDifficulty]:
    """Return the difficulties that pass, the newest first."""
    newest_first = (problem.c.reported_at.desc(), problem.c.id.desc())
    query = _columns.where(*_conditions(filters)).order_by(*newest_first).limit(limit)
    return [StoredDifficulty(*row) for row in await connection.execute(query)]


async def events_of(connection: AsyncConnection, difficulties: Collection[UUID]) -> dict[UUID, list[DifficultyLogged]]:
    """Return, by difficulty, its events: first the report, whose id is the difficulty's, then the answers by time."""
    query = (
        select(problem_event)
        .where(problem_event.c.problem.in_(list(difficulties)))
        .order_by(problem_event.c.id != problem_event.c.problem, problem_event.c.at, problem_event.c.id)
    )
    events: dict[UUID, list[DifficultyLogged]] = {difficulty: [] for difficulty in difficulties}
    for row in await connection.execute(query):
        events[row.problem] += readable(DifficultyLogged, [row.body])
    return events


def _conditions(filters: DifficultyFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [problem.c.unit.in_(filters.units)]
    if filters.state is not None:
        conditions.append(_is_in(filters.state))
    if filters.criterion is not None:
        conditions.append(problem.c.criterion == filters.criterion)
    if (before := filters.before) is not None:
        same_moment = and_(problem.c.reported_at == before.reported_at, problem.c.id < before.id)
        conditions.append(or_(problem.c.reported_at < before.reported_at, same_moment))
    return conditions


def _is_in(state: State) -> ColumnElement[bool]:
    event = problem_event.c
    by_others = event.body["agency"].astext != event.body["reported_by"].astext
    answered = exists().where(event.problem == problem.c.id, event.id != problem.c.id, by_others)
    closed = exists().where(event.problem == problem.c.id, event.body["closes"].astext == "true")
    return {"open": ~answered, "answered": and_(answered, ~closed), "closed": closed}[state]
