"""Sum checks: the sum rules that figures have to keep before a criterion or a rate is judged by them.

A measure is checked by the rules between the figures of its criterion, or of itself where it is a plan's rate, and by
those with figures that nothing measures: all workers are reported only to check the men and women. A rule between the
figures of two criteria is kept by intake alone: one sector's verdict does not wait for another sector's report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

from shared.reference.models import Criterion, CriterionKey, Rate, SumRule
from shared.reference.terms import Measure


class SumChecks:
    """The sum rules behind each measure of a plan, and the elements that have to be known to check them."""

    def __init__(
        self, rules: Sequence[SumRule], criteria: Mapping[CriterionKey, Criterion], rates: Sequence[Rate]
    ) -> None:
        self._rules, self._criteria, self._rates = rules, criteria, rates

    def rules_for(self, measure: Measure) -> Sequence[SumRule]:
        """Return the rules that contain one of the measure's elements and check its figures."""
        return self._by_measure.get(id(measure), ())

    def elements_behind(self, key: CriterionKey) -> frozenset[str]:
        """Return the elements by which a criterion is judged: those that it measures, and those that check them."""
        return self._behind[key]

    def elements_with_checks(self, rate: Rate) -> frozenset[str]:
        """Return the elements by which a rate is judged: those that it measures, and those that check them."""
        return _with_checks(rate.element_codes, self.rules_for(rate))

    def criteria_judged_by(self, element: str) -> Sequence[CriterionKey]:
        """Return the criteria whose verdicts depend on the element."""
        return self._judged_by.get(element, ())

    @cached_property
    def _by_measure(self) -> Mapping[int, Sequence[SumRule]]:
        # ids are unique here: the criteria and rates live as long as this object
        of_criteria = {
            id(measure): self._touching(measure.element_codes, self._between(criterion.element_codes))
            for criterion in self._criteria.values()
            for measure in criterion.measures
        }
        return of_criteria | {id(rate): self._between(rate.element_codes) for rate in self._rates}

    @cached_property
    def _behind(self) -> Mapping[CriterionKey, frozenset[str]]:
        return {
            key: _with_checks(criterion.element_codes, self._between(criterion.element_codes))
            for key, criterion in self._criteria.items()
        }

    @cached_property
    def _judged_by(self) -> Mapping[str, Sequence[CriterionKey]]:
        keys: dict[str, tuple[CriterionKey, ...]] = {}
        for key, elements in self._behind.items():
            for element in elements:
                keys[element] = (*keys.get(element, ()), key)
        return keys

    @cached_property
    def _measured(self) -> frozenset[str]:
        criteria = (criterion.element_codes for criterion in self._criteria.values())
        return frozenset(chain(*criteria, *(rate.element_codes for rate in self._rates)))

    def _between(self, elements: Iterable[str]) -> Sequence[SumRule]:
        """Return the rules between these elements, and those with what nothing measures."""
        own = frozenset(elements)
        return self._touching(own, [rule for rule in self._rules if own >= self._measured.intersection(rule.elements)])

    @staticmethod
    def _touching(elements: Iterable[str], rules: Iterable[SumRule]) -> Sequence[SumRule]:
        own = frozenset(elements)
        return tuple(rule for rule in rules if not own.isdisjoint(rule.elements))


def _with_checks(elements: Iterable[str], rules: Iterable[SumRule]) -> frozenset[str]:
    return frozenset(elements).union(*(rule.elements for rule in rules))
