"""Elements: the things that are counted, and the rules for their figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Granularity
from shared.reference.models.record import CriterionKey, Record
from shared.reference.models.units import UnitKind

_ZERO = Decimal(0)


class Element(Record):
    """A thing that is counted. `stock`: as at the period's end; `flow`: during the period, so that periods add up."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    name: Bilingual
    type: Literal["count", "amount", "yes_no"]
    nature: Literal["stock", "flow"] = "stock"
    unit: Bilingual
    minimum: Decimal = Decimal(0)
    maximum: Decimal
    criteria: list[CriterionKey] = Field(
        description="Keys for these criteria may report it; empty: only keys for all criteria."
    )
    counted_in: list[UnitKind] = Field(default=["commune"])
    periods: list[Granularity] = Field(default=["year", "half", "quarter", "month"])
    stands_months: int | None = Field(
        default=None,
        ge=0,
        description="The months for which a figure may stand for the present, where that is not as the plan says. "
        "0: until the next one, as with decisions.",
    )
    source: str | None = None


class PlausibleChange(Record):
    """The largest change of a figure between two periods that its sender need not confirm."""

    elements: list[str] = Field(min_length=1)
    share_percent: Decimal = Field(gt=0, description="Of the figure before.")
    at_least: Decimal = Field(ge=0, description="In the elements' unit: a change up to here is never too great.")
    verified: bool
    source: str

    def holds(self, before: Decimal, after: Decimal) -> bool:
        """Say whether the change is plausible; an implausible change exceeds both limits."""
        change = abs(after - before)
        return change <= self.at_least or 100 * change <= self.share_percent * abs(before)


class SumRule(Record):
    """Elements whose figures must agree for a unit and period: the `parts` sum to `at_most` the `whole`, or `equal` it.

    In `at_most` an element that is not reported counts as zero; `equal` is checked only where all are reported.
    """

    parts: list[str] = Field(min_length=1)
    whole: str
    relation: Literal["at_most", "equal"] = "at_most"
    reason: Bilingual

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """The parts, and the whole."""
        return (*self.parts, self.whole)

    def broken_by(self, figures: Mapping[str, Decimal]) -> BrokenSum | None:
        """Return how the figures break the rule; None where they keep it, or too few of them are known."""
        whole, known = figures.get(self.whole), [figures[part] for part in self.parts if part in figures]
        if whole is None or not known:
            return None
        total = sum(known, _ZERO)
        must_be_equal = self.relation == "equal" and len(known) == len(self.parts)
        if total == whole if must_be_equal else total <= whole:
            return None
        return BrokenSum(self, tuple(part for part in self.parts if part in figures), total, whole)


class BrokenSum(NamedTuple):
    """A sum rule and the figures that break it."""

    rule: SumRule
    parts: tuple[str, ...]
    """Those parts that have figures."""
    total: Decimal
    whole: Decimal

    @property
    def elements(self) -> tuple[str, ...]:
        """The parts that have figures, and the whole."""
        return (*self.parts, self.rule.whole)


class Break(Record):
    """A break in the series of elements: from a day on, something else is counted under the same name than before.

    Figures for periods that end before the day are not compared with those for later ones.
    """

    elements: list[str] = Field(min_length=1)
    valid_from: date
    reason: Bilingual = Field(description="By what is counted from then on, as in 'counted by ...'.")
    verified: bool
    source: str


class ElementsFile(Record):
    """The content of `elements.yaml`."""

    elements: list[Element]
    breaks: list[Break] = Field(default=[])
    plausible_changes: list[PlausibleChange]
    sum_rules: list[SumRule]
