"""Recognitions of communes: the decision of the province's chair, beside the present state of the criteria."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CriterionRef


class RecognitionState(StrEnum):
    """The last decision about a commune."""

    NONE = "none"
    RECOGNISED = "recognised"
    WITHDRAWN = "withdrawn"


class Recognition(BaseModel):
    """A commune's recognition by a criteria set, and whether its criteria still hold."""

    criteria_set: str = Field(description="The set's id, such as `ntm`.")
    name: Bilingual = Field(description="The set's name.")
    state: RecognitionState
    since: date | None = Field(description="The day of the decision; none where there was none.")
    first_recognised: date | None = Field(
        default=None, description="The day of the first decision that recognised it, also where that was withdrawn."
    )
    submission: UUID | None = Field(description="The submission that brought the decision.")
    criteria: int = Field(description="The number of the set's criteria that these data have.")
    failing: list[CriterionRef] = Field(description="The criteria that do not hold now.")
    unknown: list[CriterionRef] = Field(description="The criteria without figures, and those that nobody judges.")
    withdrawal_due: bool | None = Field(
        description="Of a recognised commune: whether so many criteria fail that the rule asks for the withdrawal; "
        "none: it cannot be told yet, or the set does not say."
    )
    verified: bool = Field(description="Whether the rule was read in its source.")
    source: str | None = Field(description="The source of the rule.")
    reason: Bilingual


class GroupMembership(BaseModel):
    """A commune's place in a group, such as the extremely difficult communes, by a decision in force."""

    group: str = Field(description="The group's id, such as `extremely_difficult`.")
    name: Bilingual
    since: date | None = Field(description="The first day of the decision that names the commune.")
    until: date | None = Field(description="Its last day; none: no end is known.")
    recognised: date | None = Field(
        description="The day on which the commune was recognised and left the group for good; none: it is of the group."
    )
    verified: bool = Field(description="Whether the list was read in its source.")
    source: str
