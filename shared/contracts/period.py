"""Periods: the time that a figure speaks for."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-(?:H(?P<half>[12])|Q(?P<quarter>[1-4])|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?",
    re.ASCII,
)


type Granularity = Literal["year", "half", "quarter", "month", "day"]


@dataclass(frozen=True, eq=False, slots=True)
class Period:
    """The time that a figure speaks for: `2023`, `2023-H1`, `2023-Q2`, `2023-06` or `2023-06-30`.

    `start` and `end` are its first and last day. A stock (households) is as at `end`; a flow (jobs found)
    is counted from `start` to `end`. `parse` alone makes one, and each only once: equal periods are the same object,
    which is found in a dict without a line of Python.
    """

    text: str
    start: date
    end: date
    granularity: Granularity

    @classmethod
    @cache  # of the years that it takes there are some 43,000
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

    @property
    def a_year_before(self) -> Period | None:
        """The same period of the year before; None for 29 February."""
        try:
            return Period.parse(f"{self.start.year - 1}{self.text[4:]}")
        except ValueError:
            return None

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Callable[[str], Period], tuple[str]]:
        return Period.parse, (self.text,)  # a copy is the period itself

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
