"""The base of all reference models, and the keys that they use."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

type CriterionKey = str
"""Set and number of a criterion: `ntm-11`. Sets number differently, so the number alone names no criterion."""

type Role = str
"""An office's role, held in a unit: `district_office` of 184, `poverty_division` of 20."""


class Record(BaseModel):
    """A piece of reference data: it takes no unknown fields and does not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def but(self, **changes: object) -> Self:
        """Return the record with other values; unlike a copy it keeps nothing that was calculated from the old ones."""
        return self.model_validate({name: getattr(self, name) for name in type(self).model_fields} | changes)


class Term(Record):
    """A record that holds from a day to a day, both included."""

    valid_from: date | None = Field(default=None, description="None: since ever.")
    valid_to: date | None = Field(default=None, description="None: no end is known.")

    def holds_on(self, on: date) -> bool:
        """Say whether the record holds on a day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)
