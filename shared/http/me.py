"""`GET /v1/me`: whose key comes with the request or who is signed in, and the scope that they have."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.access.caller import EVERYTHING, Caller, Role
from shared.http.dependencies import authenticate, runtime_of

router = APIRouter()


class CoveredUnit(BaseModel):
    """A unit that the key covers, with everything below it."""

    code: str
    name: str | None = Field(description="None where no unit has the code any more.")


class Me(BaseModel):
    """The agency of a key or token, or the person who is signed in, and the scope."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agency": "phong-ldtbxh-van-quan",
                    "name": "Phòng LĐTBXH Văn Quan",
                    "key": "5f1c0a9be2d4",
                    "units": [{"code": "184", "name": "Văn Quan"}],
                    "criteria": ["ntm-11", "ntm-12"],
                    "expires_at": "2024-12-31T17:00:00Z",
                    "rate_per_minute": 6000,
                    "role": None,
                }
            ]
        }
    )

    agency: str = Field(description="Its id, as in subjects and receipts.")
    name: str = Field(description="The agency's; of a person, the person's with the agency in brackets.")
    key: str = Field(
        description="The key's id, never its secret; of a token, its subject; of a person, `@` and a name."
    )
    units: list[CoveredUnit]
    criteria: list[str] = Field(description=f"`{EVERYTHING}`: all, and what belongs to none.")
    expires_at: AwareDatetime | None = Field(
        description="From this moment on the key opens nothing; None: it has no end."
    )
    rate_per_minute: int = Field(description="Requests a minute in each process; more are answered by 429.")
    role: Role | None = Field(default=None, description="Of a person; None for a key or token.")


@router.get("/v1/me")
async def get_me(request: Request, caller: Annotated[Caller, Depends(authenticate)]) -> Me:
    """Show whose key this is, or who is signed in, and the scope."""
    runtime = runtime_of(request)
    units, today = runtime.reference.units, runtime.clock.today()
    covered = {code: units.find(code, today) or next(reversed(units.known(code)), None) for code in caller.units}
    return Me(
        agency=caller.agency,
        name=caller.name,
        key=caller.key,
        units=[CoveredUnit(code=code, name=unit.name if unit else None) for code, unit in covered.items()],
        criteria=list(caller.criteria),
        expires_at=caller.expires_at,
        rate_per_minute=caller.rate_per_minute,
        role=caller.role,
    )
