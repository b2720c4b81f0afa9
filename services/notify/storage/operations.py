"""The memory of notify of troubles of the system, and of what their operators were told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.operator_turns import Memory
from services.notify.storage.tables import OperationRow
from shared.contracts.bilingual import Bilingual
from shared.operations.sending import Way
from shared.postgres.statements import table_of
from shared.readable import read_rows

_table = table_of(OperationRow)
_MEMORY = [_table.c[name] for name in Memory.__dataclass_fields__]


class Trouble(NamedTuple):
    """A code of a service, with the words of its last report."""

    service: str
    code: str
    words: Bilingual
    remedy: Bilingual
    details: Bilingual | None


async def lock_operations(connection: AsyncConnection) -> None:
    """Keep other processes from telling operators, and from recording reports, until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("notify-operations"))))


async def remembered(connection: AsyncConnection, way: Way) -> Mapping[tuple[str, str], tuple[Trouble, Memory]]:
    """Return all troubles that are remembered for a way and can be read, by service and code."""
    columns = [*(_table.c[name] for name in Trouble._fields), *_MEMORY]
    rows = await connection.execute(select(*columns).where(_table.c.way == way))
    return dict(read_rows(rows, _remembered).items)


def _remembered(row: Row[Any]) -> tuple[tuple[str, str], tuple[Trouble, Memory]]:
    service, code, words, remedy, details, *memory = tuple(row)
    trouble = Trouble(
        service,
        code,
        Bilingual.model_validate(words),
        Bilingual.model_validate(remedy),
        Bilingual.model_validate(details) if details else None,
    )
    return (service, code), (trouble, Memory(*memory))


async def remember(connection: AsyncConnection, way: Way, rows: Sequence[tuple[Trouble, Memory]]) -> None:
    """Store troubles with what is known of them."""
    for trouble, memory in rows:
        times: dict[str, datetime | None] = {name: getattr(memory, name) for name in Memory.__dataclass_fields__}
        words = {
            "words": trouble.words.model_dump(),
            "remedy": trouble.remedy.model_dump(),
            "details": trouble.details.model_dump() if trouble.details else None,
        }
        key = {"service": trouble.service, "code": trouble.code, "way": way}
        statement = insert(_table).values(**key, **words, **times)
        await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_={**words, **times}))
