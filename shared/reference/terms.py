"""The terms by which a plan counts a measure, and the conditions that a criterion makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from shared.contracts.status import Stage
from shared.reference.freshness import Freshness
from shared.reference.models import Amount, Ratio, SumRule, YesNo

type Measure = Ratio | Amount | YesNo


@dataclass(frozen=True, eq=False)
class Terms:
    """How a plan counts measures that are calculated alike, such as a criterion's and the rate of the same formula.

    Made once for each calculation, so what was calculated by them is found by themselves.
    """

    measure: Measure
    baseline_date: date
    counts_from: Stage
    """The stage from which on figures count."""
    rules: Sequence[SumRule] = ()
    """What the figures have to keep."""

    @cached_property
    def ratio(self) -> Ratio | None:
        """The measure where it is a ratio."""
        return self.measure if isinstance(self.measure, Ratio) else None

    @property
    def calculation(self) -> object:
        """What tells these terms from others of the plan: what is calculated, and what the figures have to keep."""
        formula = {name: getattr(self.measure, name) for name in Ratio.model_fields} if self.ratio else self.elements
        return str(formula), tuple(map(id, self.rules))

    @cached_property
    def elements(self) -> Sequence[str]:
        """The elements of the measure."""
        return tuple(dict.fromkeys(self.measure.element_codes))

    @cached_property
    def checking(self) -> Sequence[str]:
        """The elements that only the rules look at."""
        return tuple(dict.fromkeys(code for rule in self.rules for code in rule.elements if code not in self.elements))

    @cached_property
    def behind(self) -> frozenset[str]:
        """The elements by which the measure is judged: its own, and those that check them."""
        return frozenset(chain(self.elements, self.checking))

    @cached_property
    def least_rank(self) -> int:
        """The rank of the stage from which on figures count."""
        return self.counts_from.rank


class Condition(NamedTuple):
    """What a criterion asks of one of its measures, whoever is bound to it."""

    terms: Terms
    goal: Fraction
    at_least: bool
    freshness: Freshness
