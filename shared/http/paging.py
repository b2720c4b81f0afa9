"""Pages of a list: the parameters that ask for a page, and the cursor that names the place behind which it begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Query

from shared.contracts.bilingual import Bilingual
from shared.problems import Problem, bad_parameter

_NEXT = "`next` of the page before."

Cursor = Annotated[str | None, Query(description=_NEXT)]
"""A cursor made by `encode_cursor`."""

NumberCursor = Annotated[int | None, Query(ge=1, le=2**62, description=_NEXT)]
"""A cursor that is the number of the last row, as intake has released it."""

IdCursor = Annotated[UUID | None, Query(description=_NEXT)]
"""A cursor that is the id of the last row, as intake has released it."""

Limit = Annotated[int, Query(ge=1, le=5000, description="The most rows on a page.")]


def encode_cursor(first: object, second: object) -> str:
    """Return the cursor of the place that two values name; the first has no slash in its text."""
    return base64.urlsafe_b64encode(f"{first}/{second}".encode()).decode()


def decode_cursor[Place](cursor: str | None, read: Callable[[str, str], Place]) -> Place | None:
    """Return the place behind which the page begins; None for the first page.

    `read` makes it from the texts of the two values, and raises ValueError when they name no place. Then, and when the
    cursor was not made by `encode_cursor`, this raises problem 400.
    """
    if cursor is None:
        return None
    try:
        first, _, second = base64.urlsafe_b64decode(cursor.encode()).decode().partition("/")
        return read(first, second)
    except (binascii.Error, ValueError):
        raise unknown_cursor(cursor) from None


def unknown_cursor(cursor: str, expected: str | Bilingual = "`next`") -> Problem:
    """Return problem 400 for a cursor that no page has given out."""
    return bad_parameter("cursor", cursor, expected)
