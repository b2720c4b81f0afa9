"""The note of somebody who took care of an alert."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple


class Note(NamedTuple):
    """What an agency or a person wrote who took care of an alert."""

    words: str
    """On one line; plain text, never markup."""
    by: str | None
    """The name of the agency or the person; None where the log has only an id, as before names stood in it."""
    at: datetime
    on: date
    """The day of it by the system's clock."""
