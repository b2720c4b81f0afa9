"""Pure: is this submission acceptable, and what is remarkable about it? Every fault is found, not just the first, each
with its field and remedy.

The rules themselves (ranges, sums, plausible changes, who counts what for which periods, the calendar) are reference
data. `parse` reads the shape, `examine` what can be told from the submission alone, `compare` what can be told beside
the figures that stand already, `due` whether it is late.
"""

from services.intake.rules.comparison import Remarks, compare
from services.intake.rules.examination import due, examine, is_out_of_scope, opening_day
from services.intake.rules.shape import parse

__all__ = ["Remarks", "compare", "due", "examine", "is_out_of_scope", "opening_day", "parse"]
