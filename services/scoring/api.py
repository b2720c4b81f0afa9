"""What scoring answers over HTTP. A key reads what lies in its units."""

from __future__ import annotations

import base64
import binascii
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.scoring import queries
from services.scoring.changes import unit_ref
from services.scoring.score import targets_of
from services.scoring.views import (
    CommuneView,
    StatusItem,
    StatusPage,
    TargetList,
    change_item,
    cohorts_of,
    district_of,
    judged_items,
    stored_items,
    target_item,
)
from shared.access import Caller, authenticate
from shared.contracts import Status
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.runtime import Runtime

router = APIRouter(prefix="/v1")

AsOf = Annotated[date | None, Query(description="Judged at that day by the figures that had come by then.")]


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Called = Annotated[Caller, Depends(authenticate)]
Running = Annotated[Runtime, Depends(_runtime)]


@router.get("/statuses")
async def list_statuses(
    runtime: Running,
    caller: Called,
    district: Annotated[str | None, Query(description="Only communes below this unit.")] = None,
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    status: Status | None = None,
    as_of: AsOf = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> StatusPage:
    """Where the communes stand, criterion by criterion, in order of code."""
    on = _day(as_of, runtime)
    communes = _communes(runtime.reference, caller, district, on)
    _known_criterion(criterion, runtime.reference)
    after = _decode(cursor, runtime.reference)
    async with runtime.engine.connect() as connection:
        if as_of is None:
            rows = await queries.statuses_of(connection, list(communes))
            items = stored_items(communes.values(), rows, runtime.reference)
        else:
            readings = await queries.readings_of(connection, list(communes))
            items = judged_items(communes.values(), readings, runtime.reference, on)
    chosen = [
        item
        for item in items
        if (criterion is None or item.criterion.key == criterion)
        and (status is None or item.status == status)
        and (after is None or _position(item.unit.code, item.criterion.key, runtime.reference) > after)
    ]
    page = chosen[:limit]
    following = _encode(page[-1]) if len(chosen) > limit else None
    return StatusPage(as_of=on, items=page, next=following, sample=runtime.reference.plan.sample)


@router.get("/communes/{code}")
async def show_commune(code: str, runtime: Running, caller: Called, as_of: AsOf = None) -> CommuneView:
    """A commune: its criteria with their reasons, its cohorts, its latest changes."""
    on = _day(as_of, runtime)
    reference = runtime.reference
    communes = _communes(reference, caller, None, on)
    unit = reference.units.find(code, on)
    if unit is None or unit.kind not in reference.plan.counted_kinds:
        raise Problem(Problems.NOT_FOUND, Fault("/code", Faults.UNKNOWN_UNIT, {"value": code}))
    if unit.key not in communes:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/code", Faults.OUTSIDE_UNITS, {"value": code}))
    async with runtime.engine.connect() as connection:
        rows = {} if as_of else await queries.statuses_of(connection, [unit.key])
        readings = await queries.readings_of(connection, [unit.key])
        changes = await queries.changes_of_unit(connection, unit.key, limit=200)
    return CommuneView(
        as_of=on,
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        cohorts=cohorts_of(unit, reference),
        statuses=judged_items([unit], readings, reference, on, rows),
        changes=[change_item(row) for row in changes if row.on <= on],
        sample=reference.plan.sample,
    )


@router.get("/targets")
async def list_targets(runtime: Running, caller: Called, as_of: AsOf = None) -> TargetList:
    """What the plan commits the province and its districts to, and how far that is."""
    on = _day(as_of, runtime)
    reference = runtime.reference
    wanted = [
        (commitment, unit)
        for commitment, unit in targets_of(reference, on)
        if caller.covers_unit(unit, reference.units)
    ]
    async with runtime.engine.connect() as connection:
        rows = {} if as_of else await queries.targets(connection)
        steps = await queries.steps_of(connection, [(commitment.id, unit.key) for commitment, unit in wanted])
    items = []
    for commitment, unit in wanted:
        key = (commitment.id, unit.key)
        items.append(target_item(commitment, unit, steps.get(key, {}), rows.get(key), reference, on))
    return TargetList(as_of=on, items=items, sample=reference.plan.sample)


def _communes(reference: Reference, caller: Caller, under: str | None, on: date) -> dict[int, Unit]:
    """The communes that were asked for and that the key covers, by code."""
    top = reference.plan.unit
    if under is not None:
        unit = reference.units.find(under, on)
        if unit is None:
            raise Problem(Problems.NOT_FOUND, Fault("/district", Faults.UNKNOWN_UNIT, {"value": under}))
        top = unit.code
    communes = reference.units.communes(on, top)
    covered = {unit.key: unit for unit in communes if caller.covers_unit(unit, reference.units)}
    if under is not None and communes and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/district", Faults.OUTSIDE_UNITS, {"value": under}))
    return covered


def _known_criterion(criterion: str | None, reference: Reference) -> None:
    if criterion is not None and criterion not in reference.criterion_keys:
        expected = ", ".join(reference.criterion_keys)
        fault = Fault("/criterion", Faults.BAD_PARAMETER, {"value": criterion, "expected": expected})
        raise Problem(Problems.INVALID_QUERY, fault)


def _day(as_of: date | None, runtime: Runtime) -> date:
    """The day asked for, within the plan's time, or today."""
    first, today = runtime.reference.plan.baseline_date, runtime.clock.today()
    if as_of is not None and not first <= as_of <= today:
        fault = Fault("/as_of", Faults.BAD_PARAMETER, {"value": as_of, "expected": f"{first} … {today}"})
        raise Problem(Problems.INVALID_QUERY, fault)
    return as_of or today


def _encode(item: StatusItem) -> str:
    return base64.urlsafe_b64encode(f"{item.unit.code}/{item.criterion.key}".encode()).decode()


def _position(code: str, criterion: str, reference: Reference) -> tuple[str, int]:
    return code, reference.criterion_keys.index(criterion)


def _decode(cursor: str | None, reference: Reference) -> tuple[str, int] | None:
    if cursor is None:
        return None
    try:
        code, _, criterion = base64.urlsafe_b64decode(cursor.encode()).decode().partition("/")
        return _position(code, criterion, reference)
    except (binascii.Error, ValueError):
        raise Problem(
            Problems.INVALID_QUERY,
            Fault("/cursor", Faults.BAD_PARAMETER, {"value": cursor, "expected": "`next`"}),
        ) from None
