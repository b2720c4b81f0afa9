"""What is counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from shared.contracts.words import Bilingual, Granularity
from shared.reference.models.record import CriterionKey, Record
from shared.reference.models.units import UnitKind


class Element(Record):
    """A thing counted. `stock`: as at the period's end; `flow`: during the period, so that periods add up."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    name: Bilingual
    type: Literal["count", "amount", "yes_no"]
    nature: Literal["stock", "flow"] = "stock"
    unit: Bilingual
    minimum: Decimal = Decimal(0)
    maximum: Decimal
    criteria: list[CriterionKey] = Field(description="Whose keys may report it; empty: only keys for all criteria.")
    counted_in: list[UnitKind] = Field(default=["commune"])
    periods: list[Granularity] = Field(default=["year", "half", "quarter", "month"])
    source: str | None = None


class SumRule(Record):
    """Elements that must agree where all are in one submission: the `parts` sum to at most the `whole`."""

    parts: list[str] = Field(min_length=1)
    whole: str
    relation: Literal["at_most", "equal"] = "at_most"
    reason: Bilingual


class ElementsFile(Record):
    """What `elements.yaml` holds."""

    elements: list[Element]
    sum_rules: list[SumRule]
