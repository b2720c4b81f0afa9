"""What all reference data is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

type CriterionKey = str
"""Set and number: `ntm-11`. The sets number differently, so the number alone names nothing."""

type Role = str
"""What somebody answers for, held in a unit: `district_office` of 184, `poverty_division` of 20."""


class Record(BaseModel):
    """Reference data: closed to unknown fields, never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
