"""Stored values that may be damaged: what cannot be read is logged and left out, and the rest of the page is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, NamedTuple

import structlog
from pydantic import BaseModel, Field, ValidationError

from shared.contracts.submission import SubmissionWarning
from shared.texts import phrase

log = structlog.get_logger()

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

type StoredDay = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
"""A day as `is_day` means it."""

_UNREADABLE = SubmissionWarning(code="unreadable", pointer="", detail=phrase("warnings.unreadable"))
"""The warning that stands for a damaged one."""


class RowsRead[Row, Item](NamedTuple):
    """What was read from rows, and the rows that cannot be read; both in the order of the rows."""

    items: list[Item]
    damaged: list[Row]


def read_rows[Row, Item](rows: Iterable[Row], read: Callable[[Row], Item]) -> RowsRead[Row, Item]:
    """Read each row by itself, so that a damaged one hides no other. It is logged without its content.

    `read` raises `ValueError`, `LookupError`, `TypeError` or `ArithmeticError` where a row cannot be read.
    """
    items: list[Item] = []
    damaged: list[Row] = []
    for row in rows:
        try:
            items.append(read(row))
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:
            log.warning("stored row cannot be read", kind=type(row).__name__, error=type(error).__name__)
            damaged.append(row)
    return RowsRead(items, damaged)


def is_day(stored: date) -> bool:
    """Say whether something may have happened on a stored day; another one is damage, such as PostgreSQL's infinity."""
    return FIRST_DAY <= stored <= LAST_DAY


class DamagedRowError(ValueError):
    """A row is there, and what it holds cannot be read."""


def read_row[Row, Item](row: Row, read: Callable[[Row], Item]) -> Item:
    """Read a row that was asked for by itself. `DamagedRowError` where it cannot be read; see `read_rows`."""
    items, _ = read_rows([row], read)
    if not items:
        raise DamagedRowError
    return items[0]


def readable[Model: BaseModel](model: type[Model], stored: Iterable[object]) -> list[Model]:
    """Return the values of the model that can be read, in their order."""
    return [value for value in (read_or_none(model, body) for body in stored) if value is not None]


def read_or_none[Model: BaseModel](model: type[Model], stored: object) -> Model | None:
    """Return a stored value as a model; None where it cannot be read, which is logged without its content."""
    try:
        return model.model_validate(stored)
    except ValidationError as error:
        places = ["/".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)]
        log.warning("stored value cannot be read", kind=model.__name__, places=places[:5])
        return None


def readable_warnings(stored: object) -> list[SubmissionWarning]:
    """Return stored warnings about figures; one that cannot be read is shown as such."""
    bodies = stored if isinstance(stored, list) else [stored]
    return [read_or_none(SubmissionWarning, body) or _UNREADABLE for body in bodies]
