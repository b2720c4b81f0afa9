"""Errors of the database, wrapped or not: only those that blame a value put a message aside."""

from __future__ import annotations

import pytest
from asyncpg import exceptions
from sqlalchemy.exc import DBAPIError

from shared.service.transient_errors import blames_content, is_transient


@pytest.mark.parametrize(
    ("error", "blames"),
    [
        (exceptions.InsufficientPrivilegeError("could not open file: Read-only file system"), False),
        (exceptions.DiskFullError("could not extend file"), False),
        (exceptions.OutOfMemoryError("out of memory"), False),
        (exceptions.PostgresIOError("could not read block"), False),
        (exceptions.UndefinedColumnError("column is missing"), False),
        (exceptions.TooManyConnectionsError("too many clients"), False),
        (exceptions.NumericValueOutOfRangeError("value out of range"), True),
        (exceptions.UniqueViolationError("duplicate key"), True),
        (exceptions.CardinalityViolationError("more than one row"), True),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_only_an_error_that_blames_a_value_would_come_again(
    error: exceptions.PostgresError, *, is_wrapped: bool, blames: bool
) -> None:
    raised: Exception = error
    if is_wrapped:
        raised = DBAPIError("SELECT 1", {}, error)
    assert blames_content(raised) is blames
    assert is_transient(raised) is not blames
