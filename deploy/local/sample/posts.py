"""Posts of the sample year: submissions that an agency sends on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from deploy.local.sample.figures import Readings
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage

PROVINCE_AGENCY = "province-sample"
"""The agency that posts figures counted in the province."""

type Submission = dict[str, object]
"""A submission in the form that `POST /v1/submissions` takes."""


@dataclass(frozen=True, slots=True)
class Post:
    """The submissions that one agency posts on a day."""

    agency: str
    submissions: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the year with its posts; many days have none."""

    on: date
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission and the day on which it is posted."""

    on: date
    agency: str
    unit: UnitCode
    period: str
    readings: Readings
    stage: Stage = Stage.REPORTED
    revision: int = 1
    confirmed: bool = False

    @property
    def submission(self) -> Submission:
        """The submission to post, whose reference says that it is sample data (mẫu)."""
        return {
            "unit": self.unit,
            "period": self.period,
            "stage": self.stage.value,
            "revision": self.revision,
            "source_ref": f"MAU-{self.unit}-{self.period}-{self.revision}",
            "readings": self.readings,
            **({"confirmed": True} if self.confirmed else {}),
        }


def agency_of(district: UnitCode) -> str:
    """Return the agency that posts for a district."""
    return f"district-{district}-sample"


def by_day(entries: Iterable[Entry], first: date, last: date) -> list[Day]:
    """Return every day from the first to the last with a post for each agency; the order of `entries` is irrelevant."""
    entries_on: defaultdict[date, defaultdict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        entries_on[entry.on][entry.agency].append(entry)
    return [Day(day, tuple(_posts(entries_on[day]))) for day in days(first, last)]


def days(first: date, last: date) -> Iterator[date]:
    """Return every day from the first to the last, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _posts(entries: dict[str, list[Entry]]) -> Iterator[Post]:
    for agency in sorted(entries):
        ordered = sorted(entries[agency], key=lambda entry: (entry.unit, entry.period, sorted(entry.readings)))
        yield Post(agency, tuple(entry.submission for entry in ordered))
