"""`GET /v1/difficulties`: the difficulties that nobody has closed yet, those first that nobody has answered."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.asking.changes import scoring_of
from services.scoring.following.difficulties import Difficulties
from services.scoring.following.difficulty import Difficulty
from shared.contracts.difficulty import DifficultyKind
from shared.contracts.refs import UnitRef
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import Limit
from shared.problems import Fault, Faults, Problem, Problems, unknown_unit

router = APIRouter(prefix="/v1")


class OpenDifficulty(BaseModel):
    """A difficulty that is open. Words are plain text; intake's `GET /v1/problems/{id}` has the answers."""

    id: UUID
    unit: UnitRef
    district: UnitRef | None
    criterion: str | None
    kind: DifficultyKind
    words: str
    reported_at: AwareDatetime
    answered_at: AwareDatetime | None = Field(description="The newest answer of another agency.")
    age_days: int = Field(description="Days from the report until today.")


class DifficultyList(BaseModel):
    """Open difficulties: those that nobody has answered, then the others, each part oldest first."""

    items: list[OpenDifficulty]
    open: int = Field(description="All that are open, also those that are not listed.")
    unanswered: int = Field(description="Those among them that nobody has answered.")
    sample: bool


@router.get("/difficulties")
async def list_open_difficulties(
    runtime: Running,
    request: Request,
    caller: SignedIn,
    unit: Annotated[str | None, Query(description="Only this unit and those below it.")] = None,
    limit: Limit = 50,
) -> DifficultyList:
    """List the difficulties that units have reported and that nobody has closed."""
    units = runtime.reference.units
    if unit is not None:
        if not (known := units.known(unit)):
            raise unknown_unit("/unit", unit)
        if not any(caller.covers_unit(one, units) for one in known):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": unit}))
    difficulties: Difficulties = scoring_of(request).difficulties
    found = [
        one
        for one in await difficulties.open_on(runtime.clock.today())
        if (own := one.unit(units)) and caller.covers_unit(own, units) and (unit is None or units.is_under(own, unit))
    ]
    now = runtime.clock.now()

    def listed(one: Difficulty) -> OpenDifficulty:
        return OpenDifficulty(
            id=one.report.problem,
            unit=one.report.unit,
            district=one.report.district,
            criterion=one.report.criterion,
            kind=one.report.kind,
            words=one.report.words,
            reported_at=one.report.at,
            answered_at=one.answered_at,
            age_days=max((now - one.report.at).days, 0),
        )

    return DifficultyList(
        items=[listed(one) for one in found[:limit]],
        open=len(found),
        unanswered=sum(one.answered_at is None for one in found),
        sample=runtime.reference.plan.sample,
    )
