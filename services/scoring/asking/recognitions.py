"""`GET /v1/recognitions`: the recognised communes, and whether their criteria still justify the recognition."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import AsOf, day_of, figures_today
from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.units import InCohort, InDistrict, Searched, communes_of, district_of
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import judged_by
from services.scoring.judging.judge import Judge
from services.scoring.judging.recognition import recognitions
from services.scoring.storage.known_figures import known_at
from services.scoring.storage.readings import readings_of
from services.scoring.storage.statuses import statuses_of
from shared.contracts.recognition import Recognition, RecognitionState
from shared.contracts.refs import UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import unit_ref

router = APIRouter(prefix="/v1")

type Statuses = Mapping[int, Mapping[CriterionKey, Status]]


class RecognitionItem(BaseModel):
    """A commune's recognition by a criteria set."""

    unit: UnitRef
    district: UnitRef | None
    recognition: Recognition


class RecognitionPage(BaseModel):
    """Recognitions in order of commune; `next` is the cursor of the following page."""

    as_of: date
    items: list[RecognitionItem]
    next: str | None
    sample: bool


@router.get("/recognitions")
async def list_recognitions(
    runtime: Running,
    caller: SignedIn,
    state: RecognitionState | None = None,
    criteria_set: Annotated[str | None, Query(alias="set", description="A set's id, such as `ntm`.")] = None,
    district: InDistrict = None,
    cohort: InCohort = None,
    searched: Searched = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 500,
) -> RecognitionPage:
    """List the communes' recognitions, with the criteria that no longer justify them, in order of code."""
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    check_one_of("set", criteria_set, reference.plan.criteria_sets)
    after = decode_cursor(cursor, lambda code, _: code)
    communes = communes_of(reference, caller, district, on, cohort, searched)
    async with runtime.engine.connect() as connection:
        known = await recognitions_at(connection, communes, Judge(reference, on), as_of)
    chosen = [
        (unit, asked_for)
        for key, unit in communes.items()
        if after is None or unit.code > after
        if (
            asked_for := [
                recognition
                for recognition in known[key]
                if state in (None, recognition.state) and criteria_set in (None, recognition.criteria_set)
            ]
        )
    ]
    page = chosen[:limit]
    return RecognitionPage(
        as_of=on,
        items=[
            RecognitionItem(unit=unit_ref(unit), district=district_of(unit, reference), recognition=recognition)
            for unit, asked_for in page
            for recognition in asked_for
        ],
        next=encode_cursor(page[-1][0].code, "") if len(chosen) > limit else None,
        sample=reference.plan.sample,
    )


async def recognitions_at(
    connection: AsyncConnection, communes: Mapping[int, Unit], judge: Judge, as_of: date | None
) -> dict[int, list[Recognition]]:
    """Return the communes' recognitions by the plan's sets: today's, or with `as_of` those known at that day."""
    find = _known_today if as_of is None else _known_then
    return await find(connection, communes, judge)


async def _known_today(
    connection: AsyncConnection, communes: Mapping[int, Unit], judge: Judge
) -> dict[int, list[Recognition]]:
    """Judge by the stored statuses, and after the plan's deadline, which these stand for, by the newest figures.

    Decisions may be older than all other figures.
    """
    rules = [criteria_set.recognition for criteria_set in judge.reference.plan_sets]
    decisions = await readings_of(connection, list(communes), date.min, {rule.element for rule in rules if rule})
    statuses: defaultdict[int, dict[CriterionKey, Status]] = defaultdict(dict)
    for (unit, key), row in (await statuses_of(connection, list(communes))).items():
        statuses[unit][key] = row.status
    over = {
        unit: [key for key in judge.reference.criteria_of(commune) if judge.is_over_for(commune, key)]
        for unit, commune in communes.items()
    }
    over = {unit: keys for unit, keys in over.items() if keys}
    figures = await figures_today(connection, over, judge.reference) if over else {}
    for unit, keys in over.items():
        for key in keys:
            statuses[unit][key] = _met_now(judge, key, communes[unit], figures.get(unit, Figures()))
    return _recognitions(communes, decisions, statuses, judge)


async def _known_then(
    connection: AsyncConnection, communes: Mapping[int, Unit], judge: Judge
) -> dict[int, list[Recognition]]:
    """Judge by the submissions received until the day was over."""
    reference = judge.reference
    known = await known_at(connection, communes, reference, judge.on)

    def recognise() -> dict[int, list[Recognition]]:
        statuses = {
            unit: {key: _met_now(judge, key, communes[unit], figures) for key in reference.criteria_of(communes[unit])}
            for unit, figures in judged_by(known, reference).items()
            if unit in communes
        }
        return _recognitions(communes, known, statuses, judge)

    # judging all communes takes a while: the loop has to go on meanwhile
    return await asyncio.to_thread(recognise)


def _met_now(judge: Judge, key: CriterionKey, commune: Unit, figures: Figures) -> Status:
    """Return the status by the newest figures: after its deadline a plan's own verdict no longer follows them."""
    ask = judge.criterion_now if judge.is_over_for(commune, key) else judge.criterion
    return ask(key, commune, figures).status


def _recognitions(
    communes: Mapping[int, Unit], decisions: Mapping[int, Figures], statuses: Statuses, judge: Judge
) -> dict[int, list[Recognition]]:
    return {
        unit: recognitions(judge.reference.plan_sets, decisions.get(unit, {}), statuses.get(unit, {}), judge.on)
        for unit in communes
    }
