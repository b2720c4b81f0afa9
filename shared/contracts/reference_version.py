"""Versions of the reference data: what is installed in the system, and the verdicts that a version has changed."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Base64Bytes, BaseModel, Field

from shared.contracts.refs import UnitRef
from shared.contracts.status import Status


class ReferenceVersion(BaseModel):
    """Reference data that were installed, whole: the body of `ntm.v1.reference.<province>`."""

    id: UUID
    digest: str = Field(description="`sha256:` and the SHA-256 of the plans' names and all files.")
    plan: str | None = Field(description="The name of a plan, or of several between commas; none: all plans.")
    author: str = Field(description="Who installed it, in the words of the installing person.")
    reason: str
    at: AwareDatetime
    archive: Base64Bytes = Field(description="A ZIP file of the directory: plans, criteria, units, calendar ….")


class VerdictsMoved(BaseModel):
    """The number of verdicts that went from one status to another."""

    before: Status
    after: Status
    count: int


class RulesChanged(BaseModel):
    """All verdicts were judged again: the body of `ntm.v1.rules.<province>`."""

    id: UUID
    at: AwareDatetime
    unit: UnitRef
    version: int = Field(description="The number of the version in the stream REFERENCE.")
    digest: str
    plan: str = Field(description="The plan in force.")
    author: str
    reason: str
    communes: list[VerdictsMoved] = Field(description="Verdicts on criteria of communes.")
    targets: list[VerdictsMoved] = Field(description="Verdicts on commitments of districts and the province.")
    sample: bool = False
    cause: Literal["rules", "rebuild"] = Field(
        default="rules",
        description="By another version of the rules, or by the same one in a rebuild of the state from the streams.",
    )
