"""The terms by which a plan counts a measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain

from shared.contracts.status import Stage
from shared.reference.models import Amount, Ratio, SumRule, YesNo

type Measure = Ratio | Amount | YesNo


@dataclass(frozen=True, eq=False)
class Terms:
    """How a plan counts a measure. Made once for each, so what was calculated by them is found by themselves."""

    measure: Measure
    baseline_date: date
    counts_from: Stage
    """The stage from which on figures count."""
    rules: Sequence[SumRule] = ()
    """What the figures have to keep."""

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
