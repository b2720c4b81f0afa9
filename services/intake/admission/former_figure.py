"""An earlier figure, as previews and forms show it beside a new one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from services.intake.rules.standing_figures import StandingReading
from services.intake.workbook.numbers import value_of
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Receipt, Value
from shared.reference.models import Element


class FormerFigure(BaseModel):
    """The standing figure for the same period, else the newest figure before it."""

    value: Value
    period: Period
    stage: Stage
    agency: str | None = Field(default=None, description="Who sent it.")
    received_at: AwareDatetime | None = Field(default=None, description="None while it is in no table yet.")

    @classmethod
    def of(cls, reading: StandingReading, element: Element, sent: Mapping[UUID, Receipt]) -> Self:
        """Return a standing figure as people see it; `sent`: the receipts."""
        receipt = sent.get(reading.submission)
        is_yes_no = element.type == "yes_no"
        return cls(
            value=reading.value != Decimal(0) if is_yes_no else value_of(reading.value),
            period=reading.period,
            stage=reading.stage,
            agency=reading.agency,
            received_at=receipt.received_at if receipt else None,
        )
