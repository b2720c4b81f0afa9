"""The dependencies that notify's routes share: the service, the caller's units, and parameters of lists."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime

from services.notify.service import Notify
from shared.access.caller import Caller
from shared.http.dependencies import service_of
from shared.problems import Fault, Faults, Problem, Problems, unknown_unit
from shared.reference.load import Reference
from shared.reference.models import Match, Unit
from shared.reference.naming import criteria_named


def _notify(request: Request) -> Notify:
    return cast(Notify, service_of(request))


Serving = Annotated[Notify, Depends(_notify)]
"""The service that answers a request."""
UnitParameter = Annotated[str | None, Query(description="Only this unit and the units below it.")]
CriterionParameter = Annotated[str | None, Query(description="Only about this criterion, such as `ntm-11`.")]
Since = Annotated[AwareDatetime | None, Query(description="Only from this moment on.")]


def visible(caller: Caller, under: str | None, reference: Reference) -> list[int]:
    """Return the keys of the units, of all times, that the caller covers; with `under`, only that unit and those below.

    Raises a problem: 422 when there is no such unit, 403 when the caller covers no part of it.
    """
    units = reference.units
    if under is not None and not units.known(under):
        raise unknown_unit("/unit", under)
    asked = [unit for unit in units if under is None or units.is_under(unit, under)]
    keys = [unit.key for unit in asked if caller.covers_unit(unit, units)]
    if under is not None and not keys:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": under}))
    return keys


def known_criterion(key: str | None, reference: Reference) -> str | None:
    """Return the key of a criterion; raise a problem (422) where the plan has none of it."""
    if key is not None and key not in reference.criterion_keys:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": key}))
    return key


def covered(caller: Caller, code: str, reference: Reference, pointer: str = "/unit") -> Unit:
    """Return the newest unit of this code that the caller covers; raise a problem (422 or 403) where there is none."""
    known = reference.units.known(code)
    if not known:
        raise unknown_unit(pointer, code)
    mine = [unit for unit in known if caller.covers_unit(unit, reference.units)]
    if not mine:
        raise Problem(Problems.OUT_OF_SCOPE, Fault(pointer, Faults.OUTSIDE_UNITS, {"value": code}))
    return mine[-1]


def is_of_province(caller: Caller, reference: Reference) -> bool:
    """Say whether the caller covers the whole province, and so sees full addresses."""
    return reference.plan.unit in caller.units


def is_coordinator(caller: Caller, reference: Reference) -> bool:
    """Say whether the key covers the whole province and all criteria, and so may decide for other offices."""
    return caller.is_coordinator(reference.plan.unit)


def check_criteria(match: Match, caller: Caller) -> None:
    """Raise a problem (403) where conditions let through alerts about criteria that the key does not cover."""
    if caller.covers_all_criteria:
        return
    if not match.criteria:
        own = criteria_named(caller.criteria)
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/match/criteria", Faults.OWN_CRITERIA_NEEDED, {"value": own}))
    for place, key in enumerate(match.criteria):
        if not caller.covers_criteria((key,)):
            pointer = f"/match/criteria/{place}"
            value = criteria_named([key])
            raise Problem(Problems.OUT_OF_SCOPE, Fault(pointer, Faults.OUTSIDE_CRITERION, {"value": value}))


def moment_and_id(moment: str, key: str) -> tuple[datetime, UUID]:
    """Return the moment and id of a cursor's row; ValueError when a text is no moment with a time zone, or no id."""
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError(moment)
    return at, UUID(key)
