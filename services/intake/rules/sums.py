"""Sum rules: parts that must add up to a whole, or must not exceed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.intake.rules.wording import both, element_named, figure
from shared.reference.load import Reference
from shared.reference.models import SumRule


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A broken sum rule: the parts that have figures, and the details of the fault."""

    parts: list[str]
    details: dict[str, object]


def rules_touched(codes: Iterable[str], reference: Reference) -> list[SumRule]:
    """Return the sum rules that contain one of the elements, each once."""
    return list({id(rule): rule for code in codes for rule in reference.sum_rules_of(code)}.values())


def disagreement(rule: SumRule, values: Mapping[str, Decimal], reference: Reference) -> Disagreement | None:
    """Return how the figures break the rule; None where they keep it, or too few of them are known."""
    if (broken := rule.broken_by(values)) is None:
        return None
    elements = reference.elements
    named = [element_named(elements[part]) for part in broken.parts]
    details: dict[str, object] = {
        "parts": both((name.vi for name in named), (name.en for name in named), " + "),
        "value": figure(elements[broken.parts[0]], broken.total),
        "whole": element_named(elements[rule.whole]),
        "expected": figure(elements[rule.whole], broken.whole),
        "reason": rule.reason,
    }
    return Disagreement([*broken.parts], details)
