"""What was known at a day, from the submissions as they came: corrections that came later had not happened yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row

from services.scoring.measures import Figures, Reading, merge, readings_in
from shared.clock import VIETNAM
from shared.contracts import AcceptedSubmission


def end_of(day: date) -> datetime:
    """The moment at which a day is over in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


def figures_from(submissions: Iterable[Row[Any]]) -> dict[int, Figures]:
    """The figures of each unit as its submissions (`queries.submissions_of`) make them, in whatever order they are."""
    arrived: defaultdict[int, list[Reading]] = defaultdict(list)
    for row in submissions:
        one = AcceptedSubmission.model_validate_json(row.body)
        arrived[row.unit] += readings_in(one, one.id, one.received_at, one.warnings)
    return {unit: merge(Figures(), readings) for unit, readings in arrived.items()}
