"""The storyline of each commune in the sample year. Every seed gives each storyline to the same number of communes.

The counts at the end of 2022 are the plan's (77, 104 and 181 communes); the rest is invented.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from deploy.local.sample.stories import Story, dice
from shared.contracts.refs import UnitCode
from shared.reference.load import Reference

type UnboundStory = Literal["settled", "crosses", "lost", "lost_and_back"]
"""The story of a commune that no goal binds: it stays as it is, comes to meet the criterion, or ceases to meet it."""

POOR_DISTRICTS = ("181", "184")
GENDER = "gender_equality_18_5"

_MEETING_POVERTY = 77
_MEETING_LABOUR = 104
_POVERTY: Mapping[Story, int] = {"early": 2, "relapses": 1, "steady": 2, "dips": 2, "late": 2, "misses": 1}
_LABOUR: Mapping[Story, int] = {"early": 3, "relapses": 2, "steady": 3, "dips": 5, "late": 3, "misses": 4}
_CROSSING, _LOST, _LOST_AND_BACK = 3, 1, 3
_LEFT_BEHIND_POVERTY, _LEFT_BEHIND_LABOUR = 4, 3
"""Border communes that still do not meet the criterion when the year ends; no goal binds them to it."""

_RECOGNISED_SHARE: Mapping[str, float] = {
    "recognised_01": 0.97,
    "recognised_02": 0.68,
    "recognised_03": 0.85,
    "recognised_04": 0.93,
    "recognised_05": 0.62,
    "recognised_06": 0.58,
    "recognised_07": 0.80,
    "recognised_08": 0.92,
    "recognised_09": 0.72,
    "recognised_10": 0.55,
    "recognised_13": 0.70,
    "recognised_15": 0.82,
    "recognised_16": 0.75,
    "recognised_17": 0.50,
    "recognised_19": 0.95,
    GENDER: 0.93,
}
RECOGNITIONS = tuple(_RECOGNISED_SHARE)
_HARD = ("recognised_02", "recognised_05", "recognised_06", "recognised_10", "recognised_13", "recognised_17")
_GAINED_SHARE, _GAINED_SHARE_OF_BORDER = 0.06, 0.2
_BORDER_LAGS = 0.62
"""Border communes have this share of what others have: about 10.5 criteria, and 12 by the end of the year."""


@dataclass(frozen=True, slots=True)
class Storyline:
    """The course of one commune in one criterion; `meets`: the commune meets the criterion at the end of 2022."""

    meets: bool
    story: Story | UnboundStory


@dataclass(frozen=True, slots=True)
class Cast:
    """All communes by code, in order, with their storylines."""

    districts: Mapping[UnitCode, UnitCode]
    poverty: Mapping[UnitCode, Storyline]
    labour: Mapping[UnitCode, Storyline]
    advanced_poverty: Mapping[UnitCode, Story]
    advanced_labour: Mapping[UnitCode, Story]
    lacking: Mapping[UnitCode, Mapping[str, int | None]]
    """The elements not recognised at the end of 2022, each with its month of recognition in 2023; None: not in 2023."""
    watched: frozenset[UnitCode]
    """The communes of the plan's cohorts: they report every month."""
    dropout: UnitCode
    """The commune in which too few pupils go on studying in the first half of the year."""


def cast(reference: Reference, seed: int) -> Cast:
    """Give every commune its storylines. The plan's cohorts must have their sample members."""
    plan, units = reference.plan, reference.units
    communes = units.communes(plan.baseline_date, plan.unit)
    districts = {unit.code: district.code for unit in communes if (district := units.district(unit))}
    cohorts = {cohort.id: frozenset(cohort.members) for cohort in plan.cohorts}
    ntm, advanced, border = (cohorts[name] for name in ("ntm-2023", "advanced-2023", "border-2023"))
    watched = frozenset().union(*cohorts.values())

    chance = dice(seed, "cast")
    failing = frozenset(chance.sample(sorted(ntm), 2))
    unable = chance.sample(sorted(advanced), 2)
    poverty = _storylines(
        districts,
        _assign(cohorts["poverty-2023"], _POVERTY, ntm - failing, chance),
        chance.sample(sorted(border - cohorts["poverty-2023"] - ntm), _LEFT_BEHIND_POVERTY),
        watched,
        _MEETING_POVERTY,
        chance,
    )
    labour = _storylines(
        districts,
        _assign(cohorts["labour-2023"], _LABOUR, ntm - failing, chance),
        chance.sample(sorted(border - cohorts["labour-2023"] - ntm), _LEFT_BEHIND_LABOUR),
        watched,
        _MEETING_LABOUR,
        chance,
    )
    return Cast(
        districts=districts,
        poverty=poverty,
        labour=labour,
        advanced_poverty=_advanced(advanced, unable[0], chance),
        advanced_labour=_advanced(advanced, unable[1], chance),
        lacking={
            code: _lacking_of_cohort(code in failing, chance)
            if code in ntm
            else _lacking(chance, code in border, code in advanced)
            for code in districts
        },
        watched=watched,
        dropout=chance.choice(sorted(districts.keys() - watched)),
    )


def _assign(
    members: Collection[UnitCode], stories: Mapping[Story, int], spared: Collection[UnitCode], chance: Random
) -> dict[UnitCode, Story]:
    """Deal the stories out to the members; no spared member misses its goal."""
    order = sorted(members)
    chance.shuffle(order)
    order.sort(key=lambda code: code in spared)
    dealt = [story for story, count in stories.items() for _ in range(count)]
    chance.shuffle(dealt)
    dealt.sort(key=lambda story: story != "misses")
    return dict(zip(order, dealt, strict=True))


def _storylines(
    districts: Mapping[UnitCode, UnitCode],
    gaining: Mapping[UnitCode, Story],
    left_behind: Sequence[UnitCode],
    watched: Collection[UnitCode],
    meeting: int,
    chance: Random,
) -> dict[UnitCode, Storyline]:
    """Return storylines in one criterion; exactly `meeting` communes meet it at the end of 2022."""
    unbound = [code for code in districts if code not in watched]
    bound = [code for code in watched if code not in gaining and code not in left_behind]
    chosen = _choose(unbound, districts, meeting - len(bound), chance)
    others = [code for code in unbound if code not in chosen]
    moving: dict[UnitCode, UnboundStory] = dict.fromkeys(chance.sample(others, _CROSSING), "crosses")
    leaving = chance.sample(sorted(chosen), _LOST + _LOST_AND_BACK)
    moving |= dict.fromkeys(leaving[:_LOST], "lost")
    moving |= dict.fromkeys(leaving[_LOST:], "lost_and_back")

    def storyline(code: UnitCode) -> Storyline:
        if code in gaining:
            return Storyline(False, gaining[code])
        if code in left_behind:
            return Storyline(False, "misses")
        return Storyline(code in chosen or code in bound, moving.get(code, "settled"))

    return {code: storyline(code) for code in districts}


def _choose(
    communes: Iterable[UnitCode], districts: Mapping[UnitCode, UnitCode], count: int, chance: Random
) -> frozenset[UnitCode]:
    """Draw `count` communes, those of the poor districts less often."""
    draws = {code: chance.random() ** (5 if districts[code] in POOR_DISTRICTS else 1) for code in communes}
    return frozenset(sorted(draws, key=lambda code: (-draws[code], code))[:count])


def _advanced(members: Iterable[UnitCode], unable: UnitCode, chance: Random) -> dict[UnitCode, Story]:
    reaching: tuple[Story, ...] = ("early", "steady", "dips", "late")
    return {code: "misses" if code == unable else chance.choice(reaching) for code in sorted(members)}


def _lacking_of_cohort(fails: bool, chance: Random) -> dict[str, int | None]:
    """Return the few elements that a commune due to reach NTM lacks; a commune that fails never gains the first one."""
    lacking: dict[str, int | None] = {
        element: chance.randint(3, 12) for element in chance.sample(_HARD, chance.randint(1, 3))
    }
    if chance.random() < 0.3:
        lacking[GENDER] = chance.randint(4, 11)
    if fails:
        lacking[next(iter(lacking))] = None
    return lacking


def _lacking(chance: Random, border: bool, advanced: bool) -> dict[str, int | None]:
    """Return the elements that any other commune lacks; an advanced commune has reached NTM and lacks none."""
    if advanced:
        return {}
    gained, lags = (_GAINED_SHARE_OF_BORDER, _BORDER_LAGS) if border else (_GAINED_SHARE, 1.0)
    return {
        element: chance.randint(2, 12) if chance.random() < gained else None
        for element, share in _RECOGNISED_SHARE.items()
        if chance.random() >= share * lags
    }
