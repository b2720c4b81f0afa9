"""The catalogue of problems: code, HTTP status, title and texts in Vietnamese and English, remedy included.

Raised where the fault is known, turned into an RFC 9457 document in one place (`shared.http.app`).
"""

from shared.problems.faults import Faults, Warnings
from shared.problems.kinds import Problems
from shared.problems.problem import (
    FAULT_LIMIT,
    Fault,
    Problem,
    bad_parameter,
    faulty_fields,
    no_such_unit,
    unknown_unit,
)

__all__ = [
    "FAULT_LIMIT",
    "Fault",
    "Faults",
    "Problem",
    "Problems",
    "Warnings",
    "bad_parameter",
    "faulty_fields",
    "no_such_unit",
    "unknown_unit",
]
