"""The rules for submissions: they find every fault, not only the first, with its field and remedy.

The limits themselves (ranges, sums, plausible changes, which units count what for which periods, the calendar) are
reference data. `parse` checks the shape, `examine` the submission by itself, `compare` the submission against the
standing figures; `due` says whether it is late.
"""

from services.intake.rules.comparison import Remarks, compare, next_revision, withdrawn
from services.intake.rules.examination import due, examine, is_out_of_scope, opening_day
from services.intake.rules.reviewing import open_readings, superseded
from services.intake.rules.shape import parse

__all__ = [
    "Remarks",
    "compare",
    "due",
    "examine",
    "is_out_of_scope",
    "next_revision",
    "open_readings",
    "opening_day",
    "parse",
    "superseded",
    "withdrawn",
]
