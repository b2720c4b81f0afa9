"""The base of all reference models, and the keys that they use."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

type CriterionKey = str
"""Set and number of a criterion: `ntm-11`. Sets number differently, so the number alone names no criterion."""

type Role = str
"""An office's role, held in a unit: `district_office` of 184, `poverty_division` of 20."""


class Record(BaseModel):
    """A piece of reference data: it takes no unknown fields and does not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
