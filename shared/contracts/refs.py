"""Units, criteria and commitments as messages name them."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
)

from shared.characters import typed
from shared.contracts.bilingual import Bilingual

UnitCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}([0-9]|[0-9]{3})?$")]
"""A unit's code as the statistics office writes it: province 2 digits, district 3, commune 5."""


SentUnitCode = Annotated[UnitCode, BeforeValidator(lambda sent: typed(sent) if isinstance(sent, str) else sent)]
"""A unit's code as people send it, perhaps with characters that cannot be seen."""


class UnitRef(BaseModel):
    """A unit as messages name it."""

    code: UnitCode
    name: str
    kind: str
    key: int | None = Field(default=None, description="The unit's own key for ever; its code may be used again.")


class CriterionRef(BaseModel):
    """A criterion as messages name it; `key` is set and number, such as `ntm-11`."""

    key: str
    name: Bilingual


class CommitmentRef(BaseModel):
    """A commitment of the plan as messages name it."""

    id: str
    title: Bilingual
    line: int | None = Field(description="The line of the plan's source that states it.")
