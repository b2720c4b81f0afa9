"""`GET /v1/statuses`: where communes stand, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import AsOf, day_of, figures_at, figures_today, figures_when_closed
from services.scoring.asking.units import (
    InCohort,
    InDistrict,
    Searched,
    check_criterion,
    cohorts_of,
    communes_of,
    district_of,
)
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from services.scoring.storage.statuses import StatusesAsked, StoredStatus, statuses_of
from services.scoring.storage.targets import StoredTarget
from shared.contracts.assessment import Assessment
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")

type _Position = tuple[str, int]
"""The place of a commune's criterion in a list: by the code, then in the order of the criteria."""

_COMMUNES_AT_ONCE = 400
"""A page is looked for among so many communes first."""

_WITHOUT_ASSESSMENTS = {"assessment": None, "actual": None, "now": None}


class StatusItem(BaseModel):
    """A commune's criterion. With `as_of`: as it was known to be at that day."""

    unit: UnitRef
    district: UnitRef | None
    criterion: CriterionRef
    status: Status
    since: date | None
    cohorts: list[str]
    overdue: list[str] = Field(default_factory=list, description="Periods of reports that are due and have not come.")
    assessment: Assessment | None = Field(description="None with `form=short`.")
    actual: Assessment | None = Field(
        default=None,
        description="Only with `as_of`, or where the plan is closed that bound the commune: what was so by all that is "
        "known today. A late report or a correction changes this, and never `assessment`: what was known then.",
    )
    now: Assessment | None = Field(
        default=None,
        description="Only after the plan's deadline, where the plan bound the commune to the criterion by that day: "
        "whether the commune meets it by its newest figures. These change nothing about the plan's verdict.",
    )


class StatusPage(BaseModel):
    """Statuses in order of commune and criterion; `next` is the cursor of the following page."""

    as_of: date
    items: list[StatusItem]
    next: str | None
    sample: bool


def status_item(
    judge: Judge,
    unit: Unit,
    criterion: CriterionKey,
    figures: Figures,
    row: StoredStatus | None = None,
    final: Figures | None = None,
) -> StatusItem:
    """Judge a commune's criterion; `row` tells since when the status has held.

    `final`: the figures by which the verdicts of a closed plan stand; None while it is open.
    """
    reference = judge.reference
    stands_by = final if final is not None and reference.binds(unit, criterion) else figures
    assessment = explain_criterion(judge.criterion(criterion, unit, stands_by))
    return StatusItem(
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        criterion=criterion_ref(criterion, reference),
        status=assessment.status,
        since=unchanged_since(assessment, row),
        cohorts=cohorts_of(unit, reference),
        overdue=assessment.overdue,
        assessment=assessment,
        actual=None if stands_by is figures else explain_criterion(judge.criterion(criterion, unit, figures)),
        now=_assessed_now(judge, unit, criterion, figures),
    )


def _assessed_now(judge: Judge, unit: Unit, criterion: CriterionKey, figures: Figures) -> Assessment | None:
    is_over = judge.is_over_for(unit, criterion)
    return explain_criterion(judge.criterion_now(criterion, unit, figures)) if is_over else None


def status_item_then(judge: Judge, unit: Unit, criterion: CriterionKey, known: Figures, actual: Figures) -> StatusItem:
    """Judge a commune's criterion at a past day by the figures `known` then, and by the `actual` ones."""
    item = status_item(judge, unit, criterion, known)
    item.since = judge.criterion_since(criterion, unit, known)
    item.actual = explain_criterion(judge.criterion(criterion, unit, actual))
    return item


def unchanged_since(assessment: Assessment, row: StoredStatus | StoredTarget | None) -> date | None:
    """Return the day since which the stored status has held; None when the assessment has another status."""
    return row.since if row is not None and row.status == assessment.status else None


class _Listed(NamedTuple):
    """A commune's criterion in a list: with its stored row, or judged for a past day."""

    unit: Unit
    criterion: CriterionKey
    row: StoredStatus | None = None
    then: StatusItem | None = None


@router.get("/statuses")
async def list_statuses(
    runtime: Running,
    caller: SignedIn,
    district: InDistrict = None,
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    status: Status | None = None,
    cohort: InCohort = None,
    overdue: Annotated[bool | None, Query(description="Only where a report is overdue, or only where none is.")] = None,
    searched: Searched = None,
    as_of: AsOf = None,
    form: Annotated[Literal["full", "short"], Query(description="`short`: without assessments.")] = "full",
    cursor: Cursor = None,
    limit: Limit = 500,
) -> StatusPage:
    """List the statuses of the communes' criteria, in order of commune and criterion."""
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    communes = communes_of(reference, caller, district, on, cohort, searched)
    check_criterion(criterion, reference)
    after = decode_cursor(cursor, lambda code, criterion: _position(code, criterion, reference))
    judge, asked = Judge(reference, on), StatusesAsked(criterion, status, overdue)
    found: list[_Listed] = []
    behind = [unit for unit in communes.values() if after is None or unit.code >= after[0]]
    async with runtime.engine.connect() as connection:
        criteria = 1 if criterion else len(reference.criterion_keys)
        first = _COMMUNES_AT_ONCE if as_of is None else min(limit // criteria + 1, _COMMUNES_AT_ONCE)
        for units in _portions(behind, first, most=None if as_of is None else _COMMUNES_AT_ONCE):
            find = _stored if as_of is None else _judged_then
            found += await find(connection, units, judge, asked, after)
            if len(found) > limit:
                break
        page, more = found[:limit], len(found) > limit
        following = encode_cursor(page[-1].unit.code, page[-1].criterion) if more else None
        if as_of is not None:
            items = [one.then for one in page if one.then is not None]
        elif form == "full":
            items = await _judged_today(connection, page, judge)
        else:
            items = [_stored_item(one, reference) for one in page]
    if form == "short":
        items = [item.model_copy(update=_WITHOUT_ASSESSMENTS) for item in items]
    return StatusPage(as_of=on, items=items, next=following, sample=reference.plan.sample)


def _portions(units: Sequence[Unit], first: int, most: int | None) -> Iterator[Sequence[Unit]]:
    """Yield the communes among which a page is looked for, one portion after the other until it is full.

    The first portion mostly fills it. Of a filter that chooses few, portions grow: to `most` where each commune has to
    be judged.
    """
    begin, size = 0, first
    while begin < len(units):
        yield units[begin : begin + size]
        begin, size = begin + size, 2 * size if most is None else min(2 * size, most)


def _pairs(
    units: Iterable[Unit], judge: Judge, asked: StatusesAsked, after: _Position | None
) -> Iterator[tuple[Unit, CriterionKey]]:
    """Yield the criteria of the communes that a list has behind a place, in order."""
    reference = judge.reference
    for unit in units:
        for key in reference.criteria_of(unit, judge.on):
            is_behind = after is None or _position(unit.code, key, reference) > after
            if is_behind and asked.criterion in (None, key):
                yield unit, key


async def _stored(
    connection: AsyncConnection, units: Sequence[Unit], judge: Judge, asked: StatusesAsked, after: _Position | None
) -> list[_Listed]:
    """Return how the communes stand, as scoring has stored it."""
    rows = await statuses_of(connection, [unit.key for unit in units], asked)
    if asked.are_stored:
        with_rows = {unit for unit, _ in rows}
        units = [unit for unit in units if unit.key in with_rows]
    return [
        _Listed(unit, key, row)
        for unit, key in _pairs(units, judge, asked, after)
        for row in (rows.get((unit.key, key)),)
        if (asked.accept(row.status, row.overdue) if row else not asked.are_stored)
    ]


def _stored_item(one: _Listed, reference: Reference) -> StatusItem:
    row = one.row
    return StatusItem(
        unit=unit_ref(one.unit),
        district=district_of(one.unit, reference),
        criterion=criterion_ref(one.criterion, reference),
        status=row.status if row else Status.NO_DATA,
        since=row.since if row else None,
        cohorts=cohorts_of(one.unit, reference),
        overdue=row.overdue if row else [],
        assessment=None,
    )


async def _judged_today(connection: AsyncConnection, page: Sequence[_Listed], judge: Judge) -> list[StatusItem]:
    """Judge what a page lists by the figures that are known today."""
    reference = judge.reference
    figures = await figures_today(connection, {one.unit.key for one in page}, reference)
    bound = {one.unit.key for one in page if reference.binds(one.unit, one.criterion)}
    final = await figures_when_closed(connection, bound, reference, judge.on)

    def judged(one: _Listed) -> StatusItem:
        key = one.unit.key
        closed = None if final is None else final.get(key, Figures())
        return status_item(judge, one.unit, one.criterion, figures.get(key, Figures()), one.row, closed)

    return [judged(one) for one in page]


async def _judged_then(
    connection: AsyncConnection, units: Sequence[Unit], judge: Judge, asked: StatusesAsked, after: _Position | None
) -> list[_Listed]:
    """Judge at a past day, by what was known then and by what is known of it today."""
    pairs = list(_pairs(units, judge, asked, after))
    known, actual = await figures_at(connection, {unit.key for unit, _ in pairs}, judge.reference, judge.on)

    def judged(unit: Unit, key: CriterionKey) -> StatusItem:
        figures = known.get(unit.key, Figures()), actual.get(unit.key, Figures())
        return status_item_then(judge, unit, key, *figures)

    def listed() -> list[_Listed]:
        every = [_Listed(*pair, then=judged(*pair)) for pair in pairs]
        return [one for one in every if one.then and asked.accept(one.then.status, one.then.overdue)]

    return await asyncio.to_thread(listed)


def _position(code: str, criterion: str, reference: Reference) -> _Position:
    return code, reference.criterion_keys.index(criterion)
