"""The table of a verdict's measures in a mail, in the words of its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.notify.wording.visible_text import on_one_line
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.bilingual import Language

type Words = Mapping[str, Any]
"""The words of a language; the table uses `groups`, `yes`, `no`, `contradictory`, `points` and `units`."""

_COUNTED = frozenset({"communes", "workers", "cases"})
"""Measures of things that are counted one by one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: one measure. Unknown values are empty.

    `figure`: the value without its unit, for places where the goal names the unit. `gap`: how far the value is behind
    the path. `trend`: the quarter in which the goal is reached if the year goes on as it went. `age_months`: of a
    figure that is too old.
    """

    indicator: str
    name: str
    group: str | None
    value: str
    figure: str
    counts: str
    period: str
    goal: str
    required: str
    missing: str
    gap: str
    trend: str
    is_in_time: bool | None
    age_months: int | None
    is_behind: bool
    is_yes_no: bool
    verified: bool
    warnings: Sequence[str]


def table(parts: Sequence[Part], language: Language, words: Words) -> Sequence[Row]:
    """Return a row for each measure, the worst first."""
    worst_first = sorted(parts, key=lambda part: (part.status.severity, -(part.gap or 0)))
    return [_row(part, language, words) for part in worst_first]


def is_verified(part: Part) -> bool:
    """Say whether the measure's threshold, and its formula where it has several, were verified against their source."""
    return part.verified and (part.formula is None or part.formula.verified)


def _row(part: Part, language: Language, words: Words) -> Row:
    digits = None if part.value is None else text.digits_apart(part.value, part.goal, part.required)

    def amount(value: float | None, *, bound: bool = False) -> str:
        return _amount(value, part, language, words, digits, bound=bound)

    is_yes_no = part.measured_in == "yes_no"
    counted = part.numerator is not None and part.denominator is not None
    unit = part.missing_unit.in_(language) if part.missing_unit else ""
    return Row(
        indicator=part.indicator,
        name=part.name.in_(language),
        group=words["groups"][part.group] if part.group else None,
        value=words["contradictory"] if part.contradiction else amount(part.value),
        figure=amount(part.value) if part.value is None or is_yes_no else text.number(part.value, language, digits),
        counts=f"{text.number(part.numerator or 0, language)}/{text.number(part.denominator or 0, language)}"
        if counted
        else "",
        period=text.period_name(part.period, language) if part.period else "",
        goal=amount(part.goal, bound=True),
        required=amount(part.required, bound=True),
        missing=f"{text.number(part.missing, language)} {unit}".strip() if part.missing else "",
        gap=_gap(part, language, words, digits),
        trend=text.quarter_of(part.projected.on, language) if part.projected and part.projected.on else "",
        is_in_time=part.projected.in_time if part.projected else None,
        age_months=part.age_months if part.stale else None,
        is_behind=part.gap is not None and part.gap > 0,
        is_yes_no=is_yes_no,
        verified=is_verified(part),
        warnings=list(dict.fromkeys(on_one_line(warning.detail.in_(language)) for warning in part.warnings)),
    )


def _amount(
    value: float | None, part: Part, language: Language, words: Words, digits: int | None, *, bound: bool
) -> str:
    """Return a value in the measure's unit, with a sign when it is a bound; empty without a value."""
    if value is None:
        return ""
    if part.measured_in == "yes_no":
        return str(words["yes"] if value else words["no"])
    sign = ("≥ " if part.direction == "at_least" else "≤ ") if bound else ""
    if bound and part.measured_in in _COUNTED:
        value = text.whole(value, part.direction)
    if part.measured_in == "percent":
        return sign + text.percent(value, language, digits)
    unit = part.missing_unit.in_(language) if part.missing_unit else words["units"].get(part.measured_in, "")
    return f"{sign}{text.number(value, language, digits)} {unit}".strip()


def _gap(part: Part, language: Language, words: Words, digits: int | None) -> str:
    """Return how far the value is behind the path, in words; empty where it is not."""
    if part.gap is None or part.gap <= 0 or part.measured_in == "yes_no":
        return ""
    if part.measured_in == "percent":
        return f"{text.number(part.gap, language, digits)} {words['points']}"
    gap = text.whole(part.gap, "at_least") if part.measured_in in _COUNTED else part.gap
    return _amount(gap, part, language, words, digits, bound=False)
