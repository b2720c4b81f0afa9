"""The field's words as types: periods, stages, statuses, events, unit codes, and texts in two languages."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

type Language = Literal["vi", "en"]

UnitCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}([0-9]|[0-9]{3})?$")]
"""A unit's code as the statistics office writes it: province 2 digits, district 3, commune 5."""


class Bilingual(BaseModel):
    """A text for people, Vietnamese first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vi: str
    en: str

    def in_(self, language: Language) -> str:
        """The text in the language asked for."""
        return self.vi if language == "vi" else self.en


class Stage(StrEnum):
    """How far a figure has come: counted, verified by the district (thẩm tra), confirmed by the sector."""

    REPORTED = "reported"
    VERIFIED = "verified"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        """Later stages outrank earlier ones."""
        return _RANKS[self]


_RANKS = {stage: rank for rank, stage in enumerate(Stage)}


class Status(StrEnum):
    """The verdict on a commitment at a date. Declared from worst to best: a criterion takes its worst part's."""

    MISSED = "missed"
    BEHIND = "behind"
    NO_DATA = "no_data"
    NOT_MET = "not_met"
    ON_TRACK = "on_track"
    MET = "met"

    @property
    def severity(self) -> int:
        """0 is the worst."""
        return _SEVERITIES[self]


_SEVERITIES = {status: severity for severity, status in enumerate(Status)}


class Event(StrEnum):
    """What a change of status, or a report that is late or comes after all, is called."""

    FIRST_DATA = "first_data"
    MET = "met"
    LOST = "lost"
    FELL_BEHIND = "fell_behind"
    RECOVERED = "recovered"
    MISSED = "missed"
    CHANGED = "changed"
    """Another change of status, such as `not_met` to `on_track` when a commitment begins to bind."""
    OVERDUE = "overdue"
    REPORT_ARRIVED = "report_arrived"


_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-(?:H(?P<half>[12])|Q(?P<quarter>[1-4])|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?",
    re.ASCII,
)

type Granularity = Literal["year", "half", "quarter", "month", "day"]


@dataclass(frozen=True, order=False, slots=True)
class Period:
    """The time that a figure speaks for: `2023`, `2023-H1`, `2023-Q2`, `2023-06` or `2023-06-30`.

    `start` and `end` are its first and last day. A stock (households) is as at `end`; a flow (jobs found)
    is counted from `start` to `end`.
    """

    text: str
    start: date
    end: date
    granularity: Granularity

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> Period:
        """Read a period; ValueError when it is none (month 13, 30 February, years outside 1990-2100)."""
        if not (match := _PERIOD.fullmatch(text)):
            raise ValueError(f"not a period: {text!r}")
        year = int(match["year"])
        if not 1990 <= year <= 2100:
            raise ValueError(f"not a period: {text!r}")
        if match["half"]:
            return cls._months(text, year, (int(match["half"]) - 1) * 6 + 1, 6, "half")
        if match["quarter"]:
            return cls._months(text, year, (int(match["quarter"]) - 1) * 3 + 1, 3, "quarter")
        if match["day"]:
            day = date(year, int(match["month"]), int(match["day"]))
            return cls(text, day, day, "day")
        if match["month"]:
            return cls._months(text, year, int(match["month"]), 1, "month")
        return cls._months(text, year, 1, 12, "year")

    @classmethod
    def _months(cls, text: str, year: int, first: int, count: int, granularity: Granularity) -> Period:
        last = first + count - 1
        start = date(year, first, 1)
        return cls(text, start, date(year, last, monthrange(year, last)[1]), granularity)

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object) -> Period:
            if isinstance(value, Period):
                return value
            try:
                return cls.parse(value)
            except (ValueError, TypeError):
                raise PydanticCustomError(
                    "period", "not a period: write 2023, 2023-H1, 2023-Q2, 2023-06 or 2023-06-30"
                ) from None

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": r"^[0-9]{4}(-(H[12]|Q[1-4]|[0-9]{2}(-[0-9]{2})?))?$",
            "examples": ["2023-06", "2023-Q2", "2023"],
            "description": "The time the figures speak for: a year, half, quarter, month or day.",
        }
