"""The SQL of attempts at notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import (
    AttemptRow,
    NoticeRow,
)
from shared.postgres.statements import columns_of, table_of, unnested

notice = table_of(NoticeRow)
attempt = table_of(AttemptRow)


class NewAttempt(TypedDict):
    """An attempt's values for a new row, and the changes of its notice, if the notice is still leased until `lease`."""

    notice: UUID
    number: int
    started_at: datetime
    finished_at: datetime
    ended_at: datetime
    outcome: str
    detail: str
    provider_id: str | None
    lease: datetime
    status: str
    due_at: datetime | None
    cost_dong: int | None
    is_after_zalo: bool


async def record_attempts(connection: AsyncConnection, attempts: Sequence[NewAttempt]) -> set[tuple[UUID, datetime]]:
    """Store attempts and change their notices. Return the changed notices, each with the lease of its attempt.

    A notice whose lease has ended is left out: its new holder decides on the notice.
    """
    values = {f"new_{name}": column for name, column in columns_of(attempts).items()}
    return {(notice_id, lease) for notice_id, lease in await connection.execute(_record_attempts(), values)}


@lru_cache
def _record_attempts() -> Select[Any]:
    """Return a single statement for attempts and their notices, which saves a round trip."""
    changed = {"lease": notice.c.due_at} | {
        name: notice.c[name] for name in ("status", "due_at", "cost_dong", "is_after_zalo")
    }
    columns = {column.name: column for column in attempt.columns} | changed
    # the prefix tells the arrays' columns from those of the table that is updated
    arrays = {
        f"new_{name}": bindparam(f"new_{name}", type_=ARRAY(column.type, dimensions=1))
        for name, column in columns.items()
    }
    rows = unnested(arrays).subquery().c
    held = (
        update(notice)
        .where(notice.c.id == rows.new_notice, notice.c.due_at == rows.new_lease)
        .values(
            status=rows.new_status,
            due_at=rows.new_due_at,
            attempts=rows.new_number,
            cost_dong=func.coalesce(rows.new_cost_dong, notice.c.cost_dong),
            is_after_zalo=or_(notice.c.is_after_zalo, rows.new_is_after_zalo),
            # the gateway would drop an SMS under the id that it knows from the Zalo message
            request_id=case((rows.new_is_after_zalo, func.gen_random_uuid()), else_=notice.c.request_id),
        )
        .returning(notice.c.id, rows.new_lease)
        .cte("held")
    )
    tried = unnested(arrays).subquery().c
    names = [column.name for column in attempt.columns]
    kept = select(*(tried[f"new_{name}"] for name in names)).join(
        held, and_(held.c.id == tried.new_notice, held.c.new_lease == tried.new_lease)
    )
    keep = insert(attempt).from_select(names, kept).cte("kept")
    return select(held.c.id, held.c.new_lease).add_cte(keep)
