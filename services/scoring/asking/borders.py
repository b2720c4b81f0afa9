"""`GET /v1/map/borders`: the borders that the map draws in place of tiles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from services.scoring.asking.changes import scoring_of
from services.scoring.borders.borders import Borders
from shared.access.caller import Caller
from shared.contracts.refs import UnitRef
from shared.http.dependencies import Running, SignedIn
from shared.reference.models import Unit
from shared.reference.refs import unit_ref
from shared.reference.units import Units

router = APIRouter(prefix="/v1")


class Border(BaseModel):
    """The border of a commune, ward or town on the map, whose numbers are pixels right and down from its corner."""

    unit: UnitRef
    path: str = Field(description="The data of an SVG path, to be filled by the rule `evenodd`.")
    at: tuple[float, float] = Field(description="A point within it, right and down, with room for a sign.")
    box: tuple[float, float, float, float] = Field(description="What it fills: left, top, right, bottom.")


class MapBorders(BaseModel):
    """Borders of units that the key covers, of all times, in order of code."""

    version: str | None = Field(description="The same as `borders` of `/v1/map`; none where there are no borders.")
    borders: list[Border]


@router.get("/map/borders", response_model=MapBorders, responses={304: {"description": "They are those of that ETag."}})
async def list_borders(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    if_none_match: Annotated[str | None, Header(description="The ETag of the answer that is at hand.")] = None,
) -> Response:
    """List the borders that the file beside the installation (`NTM_MAP`) has, as they are drawn in place of tiles."""
    borders, units = scoring_of(request).borders, runtime.reference.units
    shown = bordered_units(borders, units, caller)
    version = borders.version(shown)
    tag = f'W/"{version}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    if if_none_match and not {"*", tag, tag.removeprefix("W/")}.isdisjoint(map(str.strip, if_none_match.split(","))):
        return Response(status_code=304, headers=headers)
    listed = [
        Border(unit=unit_ref(unit), path=outline.path, at=outline.at, box=outline.box)
        for unit in shown
        for outline in (borders.outlines[unit.key],)
    ]
    found = MapBorders(version=version, borders=listed)
    return Response(found.model_dump_json(), media_type="application/json", headers=headers)


def bordered_units(borders: Borders, units: Units, caller: Caller) -> list[Unit]:
    """Return the units with a border that the key covers, in order of code."""
    found = [unit for unit in units if unit.key in borders.outlines and caller.covers_unit(unit, units)]
    return sorted(found, key=lambda unit: (unit.code, unit.key))
