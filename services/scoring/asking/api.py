"""What scoring answers over HTTP. A key reads what lies in its units."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.known_at import known_at
from services.scoring.asking.recognitions import recognitions_of, recognitions_then
from services.scoring.asking.views import (
    CommuneView,
    RecognitionItem,
    RecognitionPage,
    StatusPage,
    TargetItem,
    TargetList,
    change_item,
    cohorts_of,
    district_of,
    status_item,
    status_item_then,
    target_item,
    target_item_then,
)
from services.scoring.judging.aggregates import summed
from services.scoring.judging.inheritance import judged_by, kin, not_inherited, with_inherited
from services.scoring.judging.measures import Figures, in_hindsight
from services.scoring.judging.targets import targets_of
from services.scoring.judging.verdicts import criteria_of
from services.scoring.storage import queries
from shared.access.caller import Caller
from shared.contracts.recognition import Recognition, RecognitionState
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import decode_cursor, encode_cursor, up_to
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import unit_ref
from shared.service.runtime import Runtime

router = APIRouter(prefix="/v1")

AsOf = Annotated[
    date | None,
    Query(description="What was known at that day, and (`actual`) what was so then by all that is known today."),
]


@router.get("/statuses")
async def list_statuses(
    runtime: Running,
    caller: SignedIn,
    district: Annotated[str | None, Query(description="Only communes below this unit.")] = None,
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    status: Status | None = None,
    as_of: AsOf = None,
    cursor: str | None = None,
    limit: Annotated[int, up_to(5000)] = 500,
) -> StatusPage:
    """Where the communes stand, criterion by criterion, in order of code."""
    reference = runtime.reference
    on = _day(as_of, runtime)
    communes = communes_of(reference, caller, district, on)
    _known_criterion(criterion, reference)
    after = decode_cursor(cursor, lambda code, criterion: _position(code, criterion, reference))
    wanted = [
        (unit, key)
        for unit in communes.values()
        for key in criteria_of(unit, reference)
        if (criterion is None or criterion == key) and (after is None or _position(unit.code, key, reference) > after)
    ]
    async with runtime.engine.connect() as connection:
        if as_of is None:
            rows = await queries.statuses_of(connection, list(communes))
            chosen = [pair for pair in wanted if status is None or _stored(rows, pair) == status]
            page, more = chosen[:limit], len(chosen) > limit
            units = {unit.key for unit, _ in page}
            figures = await _figures_of(connection, units, reference)
            items = [
                status_item(unit, key, figures.get(unit.key, Figures()), reference, on, rows.get((unit.key, key)))
                for unit, key in page
            ]
        else:
            known, actual = await _figures_then(connection, communes, reference, on)
            found = await asyncio.to_thread(
                lambda: [
                    status_item_then(
                        unit, key, known.get(unit.key, Figures()), actual.get(unit.key, Figures()), reference, on
                    )
                    for unit, key in wanted
                ]
            )
            found = [item for item in found if status is None or item.status == status]
            items, more = found[:limit], len(found) > limit
    return StatusPage(
        as_of=on,
        items=items,
        next=encode_cursor(items[-1].unit.code, items[-1].criterion.key) if more else None,
        sample=reference.plan.sample,
    )


@router.get("/communes/{code}")
async def show_commune(code: str, runtime: Running, caller: SignedIn, as_of: AsOf = None) -> CommuneView:
    """A commune: its criteria with their reasons, its cohorts, its latest changes."""
    on = _day(as_of, runtime)
    reference = runtime.reference
    communes = communes_of(reference, caller, None, on)
    unit = reference.units.find(code, on)
    if unit is None or unit.kind not in reference.plan.counted_kinds:
        raise Problem(Problems.NOT_FOUND, Fault("/code", Faults.UNKNOWN_UNIT, {"value": code}))
    if unit.key not in communes:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/code", Faults.OUTSIDE_UNITS, {"value": code}))
    async with runtime.engine.connect() as connection:
        rows = {} if as_of else await queries.statuses_of(connection, [unit.key])
        if as_of:
            known, actual = await _figures_then(connection, [unit.key], reference, on)
        else:
            known, actual = await _figures_of(connection, [unit.key], reference), {}
        recognised = await _recognitions(connection, {unit.key: unit}, reference, on, as_of)
        changes = await queries.changes_of_unit(connection, unit.key, limit=200)
    figures, was_so = known.get(unit.key, Figures()), actual.get(unit.key, Figures())
    return CommuneView(
        as_of=on,
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        cohorts=cohorts_of(unit, reference),
        statuses=[
            status_item_then(unit, key, figures, was_so, reference, on)
            if as_of
            else status_item(unit, key, figures, reference, on, rows.get((unit.key, key)))
            for key in criteria_of(unit, reference)
        ],
        recognitions=recognised[unit.key],
        not_inherited=not_inherited(unit, known, reference),
        changes=[change_item(row) for row in changes if row.on <= on],
        sample=reference.plan.sample,
    )


@router.get("/recognitions")
async def list_recognitions(
    runtime: Running,
    caller: SignedIn,
    state: RecognitionState | None = None,
    criteria_set: Annotated[str | None, Query(alias="set", description="A set's id, such as `ntm`.")] = None,
    district: Annotated[str | None, Query(description="Only communes below this unit.")] = None,
    as_of: AsOf = None,
    cursor: Annotated[str | None, Query(max_length=5)] = None,
    limit: Annotated[int, Query(ge=1, le=5000, description="So many communes.")] = 500,
) -> RecognitionPage:
    """Which communes are recognised, or were, and of which the criteria do not bear it any more; in order of code."""
    on, reference = _day(as_of, runtime), runtime.reference
    if criteria_set is not None and criteria_set not in reference.plan.criteria_sets:
        expected = ", ".join(reference.plan.criteria_sets)
        fault = Fault("/set", Faults.BAD_PARAMETER, {"value": criteria_set, "expected": expected})
        raise Problem(Problems.INVALID_QUERY, fault)
    communes = communes_of(reference, caller, district, on)
    async with runtime.engine.connect() as connection:
        found = await _recognitions(connection, communes, reference, on, as_of)
    chosen = [
        (unit, wanted)
        for key, unit in communes.items()
        if cursor is None or unit.code > cursor
        if (
            wanted := [
                one for one in found[key] if state in (None, one.state) and criteria_set in (None, one.criteria_set)
            ]
        )
    ]
    page = chosen[:limit]
    return RecognitionPage(
        as_of=on,
        items=[
            RecognitionItem(unit=unit_ref(unit), district=district_of(unit, reference), recognition=one)
            for unit, wanted in page
            for one in wanted
        ],
        next=page[-1][0].code if len(chosen) > limit else None,
        sample=reference.plan.sample,
    )


@router.get("/targets")
async def list_targets(runtime: Running, caller: SignedIn, as_of: AsOf = None) -> TargetList:
    """What the plan commits the province and its districts to, and how far that is."""
    on = _day(as_of, runtime)
    reference = runtime.reference
    wanted = [
        (commitment, unit) for commitment, unit in targets_of(reference) if caller.covers_unit(unit, reference.units)
    ]
    async with runtime.engine.connect() as connection:
        if as_of is None:
            rows = await queries.targets(connection)
            steps = await queries.steps_of(connection, [(commitment.id, unit.key) for commitment, unit in wanted])
            items = [
                target_item(
                    commitment,
                    unit,
                    steps.get((commitment.id, unit.key), {}),
                    rows.get((commitment.id, unit.key)),
                    reference,
                    on,
                )
                for commitment, unit in wanted
            ]
        else:
            sides = await _figures_then(connection, [unit.key for unit in reference.units], reference, on)

            def tell() -> list[TargetItem]:
                then, actual = (summed(wanted, figures, reference) for figures in sides)
                return [target_item_then(*one, then, actual, reference, on) for one in wanted]

            items = await asyncio.to_thread(tell)
    return TargetList(as_of=on, items=items, sample=reference.plan.sample)


async def _recognitions(
    connection: AsyncConnection, communes: Mapping[int, Unit], reference: Reference, on: date, as_of: date | None
) -> dict[int, list[Recognition]]:
    find = recognitions_of if as_of is None else recognitions_then
    return await find(connection, communes, reference, on)


async def _figures_of(connection: AsyncConnection, units: Collection[int], reference: Reference) -> dict[int, Figures]:
    """What is known today about the units and their kin."""
    found = await queries.readings_of(connection, kin(units, reference), reference.plan.horizon)
    return with_inherited(found, reference)


async def _figures_then(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> tuple[dict[int, Figures], dict[int, Figures]]:
    """What was known about the units and their kin at a day, and what was so by all that is known today."""
    known = judged_by(await known_at(connection, units, reference, on), reference)
    today = await _figures_of(connection, units, reference)
    return known, {unit: in_hindsight(figures) for unit, figures in today.items()}


def _stored(rows: Mapping[tuple[int, str], Row[Any]], pair: tuple[Unit, CriterionKey]) -> Status:
    row = rows.get((pair[0].key, pair[1]))
    return Status(row.status) if row else Status.NO_DATA


def communes_of(reference: Reference, caller: Caller, under: str | None, on: date) -> dict[int, Unit]:
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


def _position(code: str, criterion: str, reference: Reference) -> tuple[str, int]:
    return code, reference.criterion_keys.index(criterion)
