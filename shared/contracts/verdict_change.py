"""Changes of verdicts: the messages that scoring publishes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.assessment import Assessment
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Event, Status

type Cause = Literal["figure", "time", "withdrawal", "plan", "rules", "rebuild"]
"""The cause of a change. Only figures and time make alarms: any other loss is told as `changed`."""


type ContradictionChange = Literal["begins", "ends"]


class Change(BaseModel):
    """The fields of every change of a verdict."""

    id: UUID
    event: Event
    before: Status
    after: Status
    on: date = Field(description="The day judged at, in the province's time.")
    at: AwareDatetime = Field(description="The moment at which scoring found it.")
    unit: UnitRef
    assessment: Assessment
    submission: UUID | None = Field(default=None, description="The submission that caused it; none: time caused it.")
    plan: str | None = Field(
        default=None, description="The plan that was judged by; none in messages of earlier versions."
    )
    cause: Cause | None = Field(default=None, description="None in messages of earlier versions.")
    sample: bool = Field(default=False, description="Whether it rests on invented sample data.")


class StatusChanged(Change):
    """A commune's criterion changed: the body of `ntm.v1.status.<district>.<commune>.<set-number>`.

    Where a plan before the one in force closes and the commune has missed it, that is told once as
    `ntm.v2.status.<district>.<commune>.<plan>.<set-number>`.
    """

    kind: Literal["status"] = "status"
    criterion: CriterionRef
    district: UnitRef | None
    cohorts: list[str] = Field(default_factory=list, description="The plan's cohorts that the commune is in.")
    contradiction: ContradictionChange | None = Field(
        default=None,
        description="Its newest figures cannot stand together since this change, or no longer; none: neither changed.",
    )


class TargetChanged(Change):
    """A district's or the province's commitment changed: the body of `ntm.v2.targets.<unit>.<plan>.<commitment>`.

    Those of the plan in force are also published as `ntm.v1.targets.<unit>.<commitment>`.
    """

    kind: Literal["target"] = "target"
    commitment: CommitmentRef


AnyChange = Annotated[StatusChanged | TargetChanged, Field(discriminator="kind")]
