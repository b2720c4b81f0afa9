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
