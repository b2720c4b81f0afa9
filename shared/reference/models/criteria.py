"""Criteria sets: what has to hold, and how it is measured."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from shared.contracts.words import Bilingual
from shared.reference.models.record import CriterionKey, Record


class Ratio(Record):
    """Share of sums, in percent: 100 x sum(numerator) / sum(denominator), all of one period."""

    numerator: list[str] = Field(min_length=1)
    denominator: list[str] = Field(min_length=1)

    @property
    def element_codes(self) -> list[str]:
        """Everything that has to be counted for it."""
        return [*self.numerator, *self.denominator]


class Amount(Record):
    """The sum of elements as they are, of one period."""

    elements: list[str] = Field(min_length=1)

    @property
    def element_codes(self) -> list[str]:
        """Everything that has to be counted for it."""
        return self.elements


class YesNo(Record):
    """A statement that holds or not."""

    element: str

    @property
    def element_codes(self) -> list[str]:
        """Everything that has to be stated for it."""
        return [self.element]


def _measure_by_its_fields(value: Any) -> str:
    fields = value if isinstance(value, dict) else type(value).model_fields
    return "amount" if "elements" in fields else "yes_no" if "element" in fields else "ratio"


class Group(Record):
    """One measure of an indicator; `group` where the set asks for men and women separately."""

    group: Literal["men", "women"] | None = None
    measure: Annotated[
        Annotated[Ratio, Tag("ratio")] | Annotated[Amount, Tag("amount")] | Annotated[YesNo, Tag("yes_no")],
        Discriminator(_measure_by_its_fields),
    ]


class Level(Record):
    """A number that a set asks for."""

    number: str
    name: Bilingual
    direction: Literal["at_least", "at_most"]
    goal: Decimal = Field(description="In `measured_in`; 1 for yes/no.")
    measured_in: Literal["percent", "million_dong", "yes_no"]
    verified: bool
    source: str


class Indicator(Level):
    """What has to hold, for every one of its groups."""

    counted: Bilingual | None = Field(default=None, description="What is missing is counted in these: hộ / households.")
    groups: list[Group] = Field(min_length=1)


class Criterion(Record):
    """Met when all its indicators are."""

    number: int
    name: Bilingual
    sector: str = Field(description="Key of the sector that answers for it: `labour`, `education`, ...")
    lead: Bilingual = Field(description="That sector's name.")
    official: Literal["year"] | None = Field(
        default=None, description="Readings of shorter periods are provisional until this one comes."
    )
    indicators: list[Indicator] = Field(min_length=1)
    unjudged: list[Level] = Field(default=[], description="Levels told for information: nothing is judged by them.")

    @property
    def element_codes(self) -> list[str]:
        """Everything that has to be reported for it, each once, in the order of the indicators."""
        groups = (group for indicator in self.indicators for group in indicator.groups)
        return list(dict.fromkeys(code for group in groups for code in group.measure.element_codes))


class CriteriaSet(Record):
    """A set of criteria and its time: `ntm` by Decision 318/QĐ-TTg, `advanced` beside it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Bilingual
    region: Bilingual
    source: str
    valid_from: date
    valid_to: date | None
    criteria: list[Criterion]

    def key(self, criterion: Criterion) -> CriterionKey:
        """`ntm-11`."""
        return f"{self.id}-{criterion.number}"
