"""Checks after all inputs: the same process answers, its log has no errors, and the streams have what it promised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import SQLModel

from services.intake.storage.tables import RefusalRow, SubmissionRow
from shared.contracts import subjects
from shared.postgres.statements import table_of
from tests.fuzz.doors import Place
from tests.fuzz.run import Report
from tests.running import Surroundings
from tests.waiting import eventually

_WARNING = re.compile(r"\[warning +\] (.{1,120}?) +service=")
_LOOKED_UP = 300
_PROJECTED_SECONDS = 120


async def look_after(place: Place, report: Report) -> None:
    """Add a note to the report for each check that fails."""
    process = place.intake.process
    if process is None or process.returncode is not None or not await place.intake.is_ready():
        report.note("the service does not answer any more")
        return
    log = place.intake.log.read_text(errors="replace")
    report.warnings.update(" ".join(found.split()) for found in _WARNING.findall(log))
    if "Traceback" in log:
        report.note("an error in the log")
        at = log.index("Traceback")
        report.traced = log[max(0, at - 500) : at + 6000]
    for row, stream, ids in (
        (SubmissionRow, subjects.SUBMISSIONS_STREAM, place.seen.receipts),
        (RefusalRow, subjects.REFUSALS_STREAM, place.seen.refusals),
    ):
        try:
            missing = await _missing(place.around, row, stream, ids[:_LOOKED_UP])
        except AssertionError:
            report.note(f"what was said to be in {stream} is not in the tables")
        else:
            for _ in range(missing):
                report.note(f"what was said to be in {stream} is not there")


async def _missing(around: Surroundings, row: type[SQLModel], stream: str, ids: Sequence[UUID]) -> int:
    """Return how many ids the stream lacks at the place that the table states.

    AssertionError when the table does not have all ids in time."""
    table = table_of(row)
    places = select(table.c.id, table.c.sequence).where(table.c.id.in_(ids))

    async def found() -> dict[UUID, int] | None:
        async with around.engine.connect() as connection:
            rows = {one.id: one.sequence for one in await connection.execute(places)}
        return rows if rows.keys() >= {*ids} else None

    sequences = await eventually(found, _PROJECTED_SECONDS) if ids else {}
    js = around.nats.jetstream()
    messages = [(one, await js.get_msg(stream, sequence)) for one, sequence in sequences.items()]
    return sum(str(one).encode() not in (message.data or b"") for one, message in messages)
