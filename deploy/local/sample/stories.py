"""Courses of the year towards a goal: month by month, the share of the way that is done."""

from __future__ import annotations

from random import Random
from typing import Literal

MONTHS = 12

type Story = Literal["early", "steady", "dips", "relapses", "late", "misses"]
"""A course towards a goal: met well before the deadline; on the path all year; behind, then recovered; met, lost, met
again; behind all year and met at the last moment; behind and never met."""

type Shares = tuple[float, ...]
"""The share of the way that each month's report shows, after the baseline's share of 0; from 1 on the goal is met."""


def dice(seed: int, what: str) -> Random:
    """Return the random numbers for one purpose, which depend on the seed and the purpose alone."""
    return Random(f"{seed}/{what}")  # noqa: S311 - invented figures, no secrets


def shares(story: Story, chance: Random) -> Shares:
    """Return a course of the year that judging, with its tolerance of a tenth, reads as the story."""
    match story:
        case "early":
            course = _early(chance.uniform(6, 8.5))
        case "steady":
            course = _steady(chance)
        case "dips":
            course = _dips(chance)
        case "relapses":
            course = _early(6)
            course[9:11] = [0.9, 0.92]
        case "late":
            course = [*_slow(chance), 1.0 + chance.uniform(0.02, 0.06)]
        case "misses":
            course = [*_slow(chance), chance.uniform(0.55, 0.85)]
    return tuple(course)


def _needed(month: int) -> float:
    """Return the share that the path requires when the report of the following month comes, days after that month."""
    return (month + 1.2) / MONTHS


def _early(months: float) -> list[float]:
    return [1.03 * month / months if month < months else 1.03 + 0.01 * (month - months) for month in range(MONTHS + 1)]


def _steady(chance: Random) -> list[float]:
    course = [min(_needed(month) + chance.uniform(-0.04, 0.02), 0.96) for month in range(1, MONTHS)]
    return [0.0, *course, 1.0 + chance.uniform(0.02, 0.08)]


def _dips(chance: Random) -> list[float]:
    course = _steady(chance)
    begin = chance.randint(2, 5)
    end = begin + chance.randint(3, 4)
    course[begin:end] = [course[begin - 1] + 0.01 * month for month in range(end - begin)]
    return course


def _slow(chance: Random) -> list[float]:
    pace = chance.uniform(0.5, 0.66)
    return [pace * month / MONTHS for month in range(MONTHS)]
