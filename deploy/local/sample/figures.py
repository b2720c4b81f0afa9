"""Invented counts of every commune for each month of the year, by its storyline.

Month 0 is the end of 2022. Rates become counts, since a commune reports counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from random import Random

from deploy.local.sample.cast import POOR_DISTRICTS, RECOGNITIONS, Cast, Storyline
from deploy.local.sample.stories import MONTHS, Story, dice, shares
from shared.contracts.refs import UnitCode

type Readings = dict[str, int | bool]
type Course = tuple[float, ...]
"""A rate in percent, month by month from 0 to 12."""

_POVERTY_GOAL, _ADVANCED_POVERTY_GOAL = 13.0, 8.0
_LABOUR_GOALS = {"trained": 70.0, "certified": 20.0}
_ADVANCED_LABOUR_GOALS = {"trained": 75.0, "certified": 25.0}

_ENTITLED = {"health": 1.0, "education": 0.55, "credit": 0.45, "production": 0.5, "housing": 0.2, "nutrition": 0.35}
"""The share of a commune's poor households that is entitled to each benefit."""
_REACHED = {
    "health": (96, 99, 99.5, 99.8, 100),
    "education": (91, 95, 97, 98, 98.6),
    "credit": (78, 82, 86, 90, 94),
    "production": (72, 77, 81, 86, 91),
    "housing": (60, 68, 75, 82, 88),
    "nutrition": (86, 92, 96, 99, 100),
}
"""The percentage of entitled households that a benefit reaches at the end of 2022 and of each quarter of 2023."""


@dataclass(frozen=True, slots=True)
class PovertyFigures:
    """The figures on poverty of one commune, ward or town."""

    households: int
    poor_share: float
    poverty: Course

    def poverty_readings(self, month: int) -> Readings:
        """Return the numbers of households, and of poor and near-poor households."""
        counted = floor(self.households * self.poverty[month] / 100)
        poor = round(counted * self.poor_share)
        return {
            "households": self.households,
            "poor_households": poor,
            "near_poor_households": counted - poor,
        }

    def entitlement_readings(self, month: int) -> Readings:
        """Return the numbers of poor households that are entitled to each benefit, and of those that it reaches."""
        poor = self.poverty_readings(month)["poor_households"]
        readings: Readings = {}
        for benefit, share in _ENTITLED.items():
            entitled = max(1, round(poor * share))
            readings[f"poor_households_entitled_{benefit}"] = entitled
            readings[f"poor_households_reached_{benefit}"] = floor(entitled * _REACHED[benefit][month // 3] / 100)
        return readings


@dataclass(frozen=True, slots=True)
class CommuneFigures(PovertyFigures):
    """The figures of one commune."""

    workers: Mapping[str, int]
    labour: Mapping[str, Course]
    education: Sequence[Readings]
    lacking: Mapping[str, int | None]

    def labour_readings(self, month: int) -> Readings:
        """Return the numbers of workers, and of those trained, certified and trained in a trade, by men and women."""
        readings: Readings = {f"workers_{group}": count for group, count in self.workers.items()}
        for element, course in self.labour.items():
            readings[element] = ceil(self.workers[element.rpartition("_")[2]] * course[month] / 100)
        return readings

    def recognition_readings(self) -> Readings:
        """Return whether each element is recognised at the end of 2022."""
        return {element: element not in self.lacking for element in RECOGNITIONS}


def figures(cast: Cast, seed: int) -> dict[UnitCode, CommuneFigures]:
    """Return the figures of every commune."""
    return {code: _commune(code, cast, seed) for code in cast.districts}


def _commune(code: UnitCode, cast: Cast, seed: int) -> CommuneFigures:
    chance = dice(seed, f"commune/{code}")
    households = round(chance.triangular(330, 1700, 650))
    workers = {group: round(households * chance.uniform(1.2, 1.5)) for group in ("men", "women")}
    district = cast.districts[code]
    if code in cast.advanced_poverty:
        poverty = _towards(chance.uniform(9, 11), _ADVANCED_POVERTY_GOAL, cast.advanced_poverty[code], chance)
        labour = _labour_towards((71.0, 73.5), (21.0, 24.0), _ADVANCED_LABOUR_GOALS, cast.advanced_labour[code], chance)
    else:
        poverty = _poverty(cast.poverty[code], district, chance)
        labour = _labour(cast.labour[code], chance)
    return CommuneFigures(
        households=households,
        poor_share=chance.uniform(0.5, 0.62),
        poverty=poverty,
        workers=workers,
        labour=labour | _trade(labour, chance),
        education=_education(code == cast.dropout, chance),
        lacking=cast.lacking[code],
    )


def _poverty(storyline: Storyline, district: UnitCode, chance: Random) -> Course:
    """Return the rate of poor and near-poor households."""
    story = storyline.story
    match story:
        case "settled" if storyline.meets:
            base = chance.uniform(4.5, 12.2)
            return drift(base, max(base - chance.uniform(0.6, 1.8), 2.5), chance)
        case "settled":
            poor = district in POOR_DISTRICTS
            base = chance.uniform(32, 46) if poor else chance.uniform(20, 37.5)
            fall = chance.uniform(*_FALLS.get(district, (3.8, 6.0)))
            return drift(base, max(base - fall, 13.8), chance)
        case "crosses":
            return drift(chance.uniform(14.2, 15), chance.uniform(11.3, 12.4), chance)
        case "lost":
            return _step(chance.uniform(11, 12.4), chance.uniform(13.8, 14.8), range(chance.randint(4, 8), 13))
        case "lost_and_back":
            begin = chance.randint(3, 6)
            return _step(chance.uniform(11, 12.4), chance.uniform(13.6, 14.2), range(begin, begin + 2))
    return _towards(chance.uniform(16, 19), _POVERTY_GOAL, story, chance)


_FALLS = {"181": (7.8, 9.4), "184": (3.2, 4.4)}
"""The fall of the rate in the two poor districts: 181 reaches what the plan asks of it, 184 does not."""


def _labour(storyline: Storyline, chance: Random) -> dict[str, Course]:
    """Return the shares of workers trained and certified, by men and women."""
    points = chance.uniform(0.3, 1.5)
    safe = {
        "trained_men": rise(chance.uniform(72, 83), points),
        "trained_women": rise(chance.uniform(71.3, 80), points),
        "certified_men": rise(chance.uniform(22, 35), points),
        "certified_women": rise(chance.uniform(21.3, 32), points),
    }
    story = storyline.story
    match story:
        case "settled" if storyline.meets:
            return safe
        case "settled":
            return {
                "trained_men": rise(chance.uniform(60, 73), points),
                "trained_women": rise(chance.uniform(56, 66.5), points),
                "certified_men": rise(chance.uniform(15, 27), points),
                "certified_women": rise(chance.uniform(13, 24), points),
            }
        case "crosses":
            return safe | {"trained_women": rise(chance.uniform(67.8, 68.6), 3.4)}
        case "lost":
            return safe | {"trained_women": _step(70.8, 69.0, range(chance.choice((6, 9)), 13))}
        case "lost_and_back":
            return safe | {"trained_women": _step(70.8, 69.0, range(6, 9))}
    return _labour_towards((62.0, 67.0), (15.0, 18.5), _LABOUR_GOALS, story, chance)


def _labour_towards(
    trained: tuple[float, float],
    certified: tuple[float, float],
    goals: Mapping[str, float],
    story: Story,
    chance: Random,
) -> dict[str, Course]:
    """Return the shares on their way to the goals. Women begin further back than men; both take the same course."""
    course = shares(story, chance)
    begins = {"trained": trained, "certified": certified}
    courses = {}
    for element, (least, most) in begins.items():
        for group, ahead in (("men", 1.5), ("women", 0.0)):
            base = min(chance.uniform(least, most) + ahead, goals[element] - 1)
            courses[f"{element}_{group}"] = tuple(base + (goals[element] - base) * share for share in course)
    return courses


def _trade(labour: Mapping[str, Course], chance: Random) -> dict[str, Course]:
    """Return the shares of workers trained in a trade, a part of the trained ones; they grow most early in the year."""

    def course(group: str) -> Course:
        base, gain = labour[f"trained_{group}"][0] * chance.uniform(0.63, 0.68), chance.uniform(2.3, 3.1)
        return tuple(base + gain * (month / MONTHS) ** 0.85 for month in range(MONTHS + 1))

    return {f"trade_trained_{group}": course(group) for group in ("men", "women")}


def _education(drops: bool, chance: Random) -> list[Readings]:
    """Return the figures of schools at the end of 2022 and of each half of 2023.

    Where pupils drop out (`drops`), too few go on studying in the first half of 2023.
    """
    return [_half_year(0.64 if drops and half == 1 else chance.uniform(0.75, 0.93), chance) for half in range(3)]


def _half_year(continuing: float, chance: Random) -> Readings:
    children, leavers = chance.randint(12, 70), chance.randint(18, 70)
    return {
        "children_six": children,
        "children_six_enrolled": children - (1 if children >= 60 else 0),
        "universal_education": True,
        "leavers": leavers,
        "leavers_continuing": floor(leavers * continuing) + (1 if continuing >= 0.75 else 0),
    }


def _towards(base: float, goal: float, story: Story, chance: Random) -> Course:
    return tuple(base + (goal - base) * share for share in shares(story, chance))


def drift(base: float, end: float, chance: Random) -> Course:
    """Return a course that runs evenly from `base` to `end`, apart from small random differences in each month."""
    steps = (base + (end - base) * month / MONTHS + chance.uniform(-0.12, 0.12) for month in range(1, MONTHS))
    return (base, *steps, end)


def rise(base: float, points: float) -> Course:
    """Return a course that rises evenly by these percentage points in the year."""
    return tuple(base + points * month / MONTHS for month in range(MONTHS + 1))


def _step(usual: float, other: float, months: range) -> Course:
    return tuple(other if month in months else usual for month in range(MONTHS + 1))
