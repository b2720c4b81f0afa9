"""`GET /v1/map`: each commune's tile with the status of a criterion, on a day and by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import Months, day_of, days_until
from services.scoring.asking.borders import bordered_units
from services.scoring.asking.changes import scoring_of
from services.scoring.asking.kept_answer import reply_with
from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.units import check_criterion, cohorts_of
from services.scoring.following.status_history import StatusHistory
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")


class TileItem(BaseModel):
    """A commune on the map."""

    unit: UnitRef
    district: str | None = Field(description="The code of one of `districts`; none where there are no districts.")
    at: tuple[int, int] | None = Field(
        description="Row and column of the tile, counted from the north-west; none where the reference data have "
        "none for the commune. Communes that follow each other in time may have the same tile."
    )
    in_cohort: bool = Field(description="Whether the commune is of the cohort asked for; without one all are.")
    statuses: list[Status | None] = Field(
        description="One for each of `days`, as published by its end. None: on that day there is no such commune, or "
        "the criterion is not asked of it."
    )


class TileMap(BaseModel):
    """Communes that the key covers, in order of code, by the status of a criterion."""

    as_of: date
    criterion: CriterionRef
    cohort: str | None
    verified: bool = Field(description="Whether the tiles' places were taken from a source; else they are our own.")
    days: list[date] = Field(description="`as_of`, or with `months` the ends of months until then and `as_of`.")
    districts: list[UnitRef]
    borders: str | None = Field(
        description="The version of `/v1/map/borders`, which are drawn in place of tiles; none where there are none."
    )
    tiles: list[TileItem]
    sample: bool


@router.get("/map", response_model=TileMap)
async def draw_map(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    criterion: Annotated[str, Query(description="Such as `ntm-11`.")],
    cohort: Annotated[str | None, Query(description="Mark the communes of this cohort of the plan.")] = None,
    as_of: Annotated[date | None, Query(description="The day, by default today.")] = None,
    months: Months = False,
) -> Response:
    """Place each commune on the map, with the status of a criterion that was published by the end of each day."""
    on = day_of(as_of, runtime)
    plans, reference = runtime.plans, runtime.plans.in_force(on)
    check_criterion(criterion, reference)
    check_one_of("cohort", cohort, (one.id for one in reference.plan.cohorts))
    days = days_until(on, reference, months)
    scoring = scoring_of(request)
    borders = scoring.borders

    def drawn(history: StatusHistory) -> TileMap:
        by_day = [_statuses(history, plans.in_force(day), criterion, day) for day in days]
        present = [reference.units.by_key(key) for key in {key for statuses in by_day for key in statuses}]
        units = [unit for unit in present if caller.covers_unit(unit, reference.units)]
        units.sort(key=lambda unit: (unit.code, unit.key))
        places = {tile.unit: tile.at for tile in reference.tiles.tiles} if reference.tiles else {}
        return TileMap(
            as_of=on,
            criterion=criterion_ref(criterion, reference),
            cohort=cohort,
            verified=reference.tiles is not None and reference.tiles.verified,
            days=days,
            districts=_districts(units, reference),
            borders=borders.version(bordered_units(borders, reference.units, caller)),
            tiles=[
                TileItem(
                    unit=unit_ref(unit),
                    district=district.code if (district := reference.units.district(unit)) else None,
                    at=places.get(unit.key),
                    in_cohort=cohort is None or cohort in cohorts_of(unit, reference),
                    statuses=[statuses.get(unit.key) for statuses in by_day],
                )
                for unit in units
            ],
            sample=reference.plan.sample,
        )

    newest = await scoring.changes.newest()
    return await reply_with(request, caller, (plans, on, newest), lambda: scoring.statuses.ask(plans, drawn))


def _statuses(
    history: StatusHistory, reference: Reference, criterion: CriterionKey, on: date
) -> Mapping[int, Status | None]:
    """Return the status of each commune of a day, by its key; None where the plan in force asks no such thing of it."""
    has_begun = criterion in reference.criterion_keys and reference.time_of(criterion)[0] <= on
    return {
        unit.key: history.status(unit, criterion, on) if has_begun and reference.judges(unit, criterion) else None
        for unit in reference.units.communes(on, reference.plan.unit)
    }


def _districts(units: Sequence[Unit], reference: Reference) -> list[UnitRef]:
    """Return the districts of the units, in order of code."""
    found = {district.code: district for unit in units if (district := reference.units.district(unit))}
    return [unit_ref(found[code]) for code in sorted(found)]
