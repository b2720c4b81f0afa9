"""`GET /v1/statuses`: where communes stand, criterion by criterion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import AsOf, day_of, figures_at, figures_today, figures_when_closed
from services.scoring.asking.units import check_criterion, cohorts_of, communes_of, district_of
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from services.scoring.storage.statuses import StoredStatus, statuses_of
from services.scoring.storage.targets import StoredTarget
from shared.contracts.assessment import Assessment
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import Cursor, decode_cursor, encode_cursor, up_to
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")


class StatusItem(BaseModel):
    """A commune's criterion. With `as_of`: as it was known to be at that day."""

    unit: UnitRef
    district: UnitRef | None
    criterion: CriterionRef
    status: Status
    since: date | None
    cohorts: list[str]
    assessment: Assessment | None
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


@router.get("/statuses")
async def list_statuses(
    runtime: Running,
    caller: SignedIn,
    district: Annotated[str | None, Query(description="Only communes below this unit.")] = None,
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    status: Status | None = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Annotated[int, up_to(5000)] = 500,
) -> StatusPage:
    """List the statuses of the communes' criteria, in order of commune and criterion."""
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    communes = communes_of(reference, caller, district, on)
    check_criterion(criterion, reference)
    after = decode_cursor(cursor, lambda code, criterion: _position(code, criterion, reference))
    asked = [
        (unit, key)
        for unit in communes.values()
        for key in reference.criteria_of(unit, on)
        if (criterion is None or criterion == key) and (after is None or _position(unit.code, key, reference) > after)
    ]
    judge = Judge(reference, on)
    async with runtime.engine.connect() as connection:
        if as_of is None:
            rows = await statuses_of(connection, list(communes))
            chosen = [pair for pair in asked if status is None or _stored(rows, pair) == status]
            page, more = chosen[:limit], len(chosen) > limit
            figures = await figures_today(connection, {unit.key for unit, _ in page}, reference)
            bound = {unit.key for unit, key in page if reference.binds(unit, key)}
            final = await figures_when_closed(connection, bound, reference, on)
            items = [
                status_item(
                    judge,
                    unit,
                    key,
                    figures.get(unit.key, Figures()),
                    rows.get((unit.key, key)),
                    None if final is None else final.get(unit.key, Figures()),
                )
                for unit, key in page
            ]
        else:
            known, actual = await figures_at(connection, communes, reference, on)
            judged = await asyncio.to_thread(
                lambda: [
                    status_item_then(judge, unit, key, known.get(unit.key, Figures()), actual.get(unit.key, Figures()))
                    for unit, key in asked
                ]
            )
            chosen_items = [item for item in judged if status is None or item.status == status]
            items, more = chosen_items[:limit], len(chosen_items) > limit
    return StatusPage(
        as_of=on,
        items=items,
        next=encode_cursor(items[-1].unit.code, items[-1].criterion.key) if more else None,
        sample=reference.plan.sample,
    )


def _stored(rows: Mapping[tuple[int, CriterionKey], StoredStatus], pair: tuple[Unit, CriterionKey]) -> Status:
    row = rows.get((pair[0].key, pair[1]))
    return row.status if row else Status.NO_DATA


def _position(code: str, criterion: str, reference: Reference) -> tuple[str, int]:
    return code, reference.criterion_keys.index(criterion)
