"""Statements of the rebuild: intake's tables emptied, filled again and compared, in one transaction.

Whoever reads sees the tables as they were until that transaction is committed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.tables import (
    ChangeRow,
    DossierStepRow,
    EvidenceRow,
    ProblemEventRow,
    ProblemRow,
    ReadingRow,
    RefusalRow,
    ReviewRow,
    SubmissionRow,
    UnscoredRow,
    WithdrawalRow,
)
from shared.postgres.locks import lock_all
from shared.postgres.statements import table_of

PROJECTED = [
    table_of(model).name
    for model in (
        WithdrawalRow, SubmissionRow, ReadingRow, ReviewRow, RefusalRow, ChangeRow, UnscoredRow, ProblemRow,
        ProblemEventRow, DossierStepRow, EvidenceRow,
    )
]  # fmt: skip
"""The tables that follow from the streams."""

_DERIVED = table_of(ReadingRow).name
"""Its rows follow from several messages each; those of the other tables from one."""

_KEPT_A_YEAR = table_of(RefusalRow).name
"""Its rows stay when the stream has dropped their messages."""


_SHOWN = 20
"""The rows that no message makes which are named of each table."""


class ComparedTable(NamedTuple):
    """A table as it was compared with what the streams make of it: the numbers of rows, and of those that differ."""

    name: str
    live_rows: int
    rebuilt_rows: int
    differing: int
    lacking: int
    """Rows that no message on the streams makes any more."""
    lacking_shown: Sequence[str]
    """The keys of the first of these rows."""


async def empty(connection: AsyncConnection) -> None:
    """Let the projections wait until the transaction ends, put the rows aside and empty the tables."""
    # so that this transaction and a projection never wait in a circle
    await lock_all(connection, (f"intake.{name}" for name in PROJECTED), "SHARE ROW EXCLUSIVE")
    for name in PROJECTED:
        await connection.execute(text(f"CREATE TEMPORARY TABLE was_{name} ON COMMIT DROP AS TABLE intake.{name}"))
        await connection.execute(text(f"DELETE FROM intake.{name}"))  # noqa: S608 - a name of ours
        await connection.execute(text(f"ANALYZE was_{name}"))


async def were_there(connection: AsyncConnection, name: str, key: str, values: Collection[object]) -> set[object]:
    """Return which of these keys the table had."""
    kind = "bigint" if key == "sequence" else "uuid"
    query = f"SELECT {key} FROM was_{name} WHERE {key} = ANY(CAST(:values AS {kind}[]))"  # noqa: S608 - names of ours
    return set((await connection.scalars(text(query), {"values": list(values)})).all())


async def keep_what_streams_dropped(connection: AsyncConnection) -> None:
    """Put back the rows whose messages the streams keep for a time only."""
    name = _KEPT_A_YEAR
    await connection.execute(text(f"INSERT INTO intake.{name} TABLE was_{name} ON CONFLICT DO NOTHING"))


async def compare(connection: AsyncConnection) -> Sequence[ComparedTable]:
    """Compare the tables with the rows that they had."""
    compared = []
    for name in PROJECTED:
        was, rebuilt = f"TABLE was_{name}", f"TABLE intake.{name}"
        key = "sequence" if name == table_of(UnscoredRow).name else "id"
        lacking = f"SELECT {key} FROM was_{name} EXCEPT SELECT {key} FROM intake.{name}"  # noqa: S608 - names of ours
        numbers = [
            await _number(connection, rows)
            for rows in (was, rebuilt, f"{was} EXCEPT {rebuilt}", f"{rebuilt} EXCEPT {was}")
        ]
        gone = 0 if name == _DERIVED else await _number(connection, lacking)
        shown = await connection.scalars(text(f"{lacking} ORDER BY 1 LIMIT {_SHOWN}")) if gone else ()
        live_rows, rebuilt_rows, only_live, only_rebuilt = numbers
        compared.append(
            ComparedTable(name, live_rows, rebuilt_rows, only_live + only_rebuilt, gone, [str(one) for one in shown])
        )
    return compared


async def _number(connection: AsyncConnection, rows: str) -> int:
    return await connection.scalar(text(f"SELECT count(*) FROM ({rows}) AS rows")) or 0  # noqa: S608 - names of ours
