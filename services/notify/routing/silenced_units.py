"""The units that a silence means by its codes: those of the day on which it was given."""

from __future__ import annotations

from datetime import date

from shared.reference.models import Unit
from shared.reference.units import Units


def is_meant(unit: Unit, given_on: date | None, on: date, units: Units) -> bool:
    """Say whether a silence means a unit that has a code which it names, in what happens on a day.

    After a merger the code of a commune may be that of another one, larger than the first: that one is not silenced by
    what was given before. A silence over a unit that is still to come means that unit. `given_on` is None for silences
    of former versions, which mean every unit of their codes.
    """
    if given_on is None:
        return True
    if unit.valid_from > given_on:
        return not any(other.valid_from <= given_on for other in units.known(unit.code))
    return unit.valid_to is None or not given_on <= unit.valid_to < on


def ended_on(codes: list[str], given_on: date | None, today: date, units: Units) -> date | None:
    """Return the last day of the units that a silence means, where all of them have ended since it was given."""
    if given_on is None or not codes:
        return None
    meant = [units.find(code, given_on) for code in codes]
    ends = [unit.valid_to for unit in meant if unit and unit.valid_to and unit.valid_to < today]
    return max(ends) if len(ends) == len(codes) else None
