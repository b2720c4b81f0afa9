"""Figures that are sent wrongly and corrected some days later, with the next revision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from deploy.local.sample.cast import Cast
from deploy.local.sample.figures import Readings
from deploy.local.sample.posts import Entry
from deploy.local.sample.stories import dice

_HARMLESS = 6


def with_slips(entries: Iterable[Entry], cast: Cast, seed: int) -> list[Entry]:
    """Make a few entries wrong and correct them later: most wrong figures change no verdict, two change a verdict.

    One of these two is implausible, so intake takes it only because its sender confirms it.
    """
    chance = dice(seed, "slips")
    corrected = list(entries)
    steady = frozenset(
        code
        for code, storyline in cast.poverty.items()
        if storyline.meets and storyline.story == "settled" and code not in cast.watched and code != cast.dropout
    )
    monthly = [number for number, entry in enumerate(corrected) if entry.unit in steady and _is_monthly(entry)]
    schools = [number for number, entry in enumerate(corrected) if entry.unit in steady and entry.period == "2023-H1"]
    *harmless, grave = chance.sample(monthly, _HARMLESS + 1)
    wrong: dict[int, Readings] = {number: _too_few_poor(corrected[number]) for number in harmless}
    wrong[grave] = _too_many_poor(corrected[grave])
    school = chance.choice(schools)
    wrong[school] = {**corrected[school].readings, "universal_education": False}
    for number, readings in wrong.items():
        entry = corrected[number]
        corrected[number] = replace(entry, readings=readings, confirmed=number == grave)
        corrected.append(replace(entry, on=entry.on + timedelta(days=chance.randint(3, 9)), revision=2))
    return corrected


def _is_monthly(entry: Entry) -> bool:
    return "2023-02" <= entry.period <= "2023-08" and len(entry.period) == len("2023-02")


def _too_few_poor(entry: Entry) -> Readings:
    return {**entry.readings, "poor_households": max(0, entry.readings["poor_households"] - 3)}


def _too_many_poor(entry: Entry) -> Readings:
    """Return the readings with an eighth of all households more poor: beyond the limit, whatever the true figure."""
    slip = entry.readings["households"] // 8 + 1
    return {**entry.readings, "poor_households": entry.readings["poor_households"] + slip}
