"""`GET /v1/statuses`: where communes stand, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import AsOf, day_of, figures_at, figures_today, figures_when_closed
from services.scoring.asking.kept_answer import figures_version, reply_with
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
"""A page that is filtered is looked for among so many communes first."""

_NOTHING = Figures()

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
    """A commune's criterion in a list: with its stored row, or with the figures by which to judge it for a past day."""

    unit: Unit
    criterion: CriterionKey
    row: StoredStatus | None = None
    known: Figures = _NOTHING
    actual: Figures = _NOTHING


@router.get("/statuses", response_model=StatusPage)
async def list_statuses(
    request: Request,
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
) -> Response:
    """List the statuses of the communes' criteria, in order of commune and criterion."""
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    communes = communes_of(reference, caller, district, on, cohort, searched)
    check_criterion(criterion, reference)
    after = decode_cursor(cursor, lambda code, criterion: _position(code, criterion, reference))
    judge, asked = Judge(reference, on), StatusesAsked(criterion, status, overdue)
    behind = [unit for unit in communes.values() if after is None or unit.code >= after[0]]

    async def found(connection: AsyncConnection) -> Sequence[_Listed]:
        """Return what the page lists, and one more where more follow."""
        listed: list[_Listed] = []
        criteria = 1 if criterion else len(reference.criterion_keys)
        first = min(limit // criteria + 1, _COMMUNES_AT_ONCE) if as_of or asked.are_all else _COMMUNES_AT_ONCE
        find = _stored if as_of is None else _known_then
        for units in _portions(behind, first, most=None if as_of is None else _COMMUNES_AT_ONCE):
            listed += await find(connection, units, judge, asked, after)
            if len(listed) > limit:
                break
        return listed[: limit + 1]

    async def page(listed: Sequence[_Listed]) -> StatusPage:
        shown, more = listed[:limit], len(listed) > limit
        if as_of is not None:
            items = await asyncio.to_thread(_judged_then, shown, judge)
        elif form == "full":
            async with runtime.engine.connect() as connection:
                items = await _judged_today(connection, shown, judge)
        else:
            items = [_stored_item(one, reference) for one in shown]
        if form == "short":
            items = [item.model_copy(update=_WITHOUT_ASSESSMENTS) for item in items]
        following = encode_cursor(shown[-1].unit.code, shown[-1].criterion) if more else None
        return StatusPage(as_of=on, items=items, next=following, sample=reference.plan.sample)

    async def judged_now() -> StatusPage:
        async with runtime.engine.connect() as connection:
            listed = await found(connection)
        return await page(listed)

    version = await figures_version(request)
    if as_of is not None:
        return await reply_with(request, caller, (reference, on, version), judged_now)
    async with runtime.engine.connect() as connection:
        stored = await found(connection)
    return await reply_with(request, caller, (reference, on, version, stored), lambda: page(stored))


def _portions(units: Sequence[Unit], first: int, most: int | None) -> Iterator[Sequence[Unit]]:
    """Yield the communes among which a page is looked for, one portion after the other until it is full.

    The first portion fills it where nothing is filtered. Of a filter that chooses few, portions grow: to `most` where
    each commune has to be judged.
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


async def _known_then(
    connection: AsyncConnection, units: Sequence[Unit], judge: Judge, asked: StatusesAsked, after: _Position | None
) -> list[_Listed]:
    """Return the communes with the figures by which to judge them at a past day; those of a status are judged here."""
    pairs = list(_pairs(units, judge, asked, after))
    known, actual = await figures_at(connection, {unit.key for unit, _ in pairs}, judge.reference, judge.on)

    def is_asked(one: _Listed) -> bool:
        verdict = judge.criterion(one.criterion, one.unit, one.known)
        return asked.accept(verdict.status, verdict.overdue)

    def listed() -> list[_Listed]:
        every = [
            _Listed(unit, key, None, known.get(unit.key, _NOTHING), actual.get(unit.key, _NOTHING))
            for unit, key in pairs
        ]
        return every if asked.are_all else list(filter(is_asked, every))

    return await asyncio.to_thread(listed)


def _judged_then(page: Sequence[_Listed], judge: Judge) -> list[StatusItem]:
    """Judge at a past day, by what was known then and by what is known of it today."""
    return [status_item_then(judge, one.unit, one.criterion, one.known, one.actual) for one in page]


def _position(code: str, criterion: str, reference: Reference) -> _Position:
    return code, reference.criterion_keys.index(criterion)
