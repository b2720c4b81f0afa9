"""Workbooks read in a process of their own, which is killed where it takes too long.

A small file may hold much work, and a thread that has begun with it cannot be stopped.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from anyio import BrokenWorkerProcess, to_process

from shared.problems import Fault, Faults, Problem, Problems
from shared.spreadsheet.grid import Grid
from shared.spreadsheet.guard import kind_of, refused
from shared.spreadsheet.xlsx import read_xlsx

READING_SECONDS = 30
"""The time for a workbook. The largest template takes a tenth of it."""


class _Refused(NamedTuple):
    """A problem, as it comes out of the process."""

    kind: Problems
    faults: tuple[Fault, ...]


async def read_apart(body: bytes) -> bytes | Grid:
    """Return a workbook's cells, and any other content as it is; a problem (422) where it is not safe to open.

    So is one whose reading takes more than `READING_SECONDS`, or more memory than there is.
    """
    try:
        async with asyncio.timeout(READING_SECONDS):
            try:
                found = await to_process.run_sync(_read, body, cancellable=True)
            except BrokenWorkerProcess:  # it may have ended while it waited for work, which is not the file's fault
                found = await to_process.run_sync(_read, body, cancellable=True)
    except (TimeoutError, BrokenWorkerProcess):
        raise refused(Faults.READING_TOO_LONG, expected=READING_SECONDS) from None
    if isinstance(found, _Refused):
        raise Problem(found.kind, *found.faults)
    return body if found is None else found


def _read(body: bytes) -> Grid | _Refused | None:
    """Return the cells of a workbook; None where it is no workbook."""
    try:
        return read_xlsx(body) if kind_of(body) == "xlsx" else None
    except Problem as problem:
        return _Refused(problem.kind, problem.faults)
