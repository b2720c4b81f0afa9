"""Units, criteria and commitments as messages and answers name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef

if TYPE_CHECKING:
    from shared.reference.models import Commitment, CriterionKey, Unit
    from shared.reference.reference import Reference


def unit_ref(unit: Unit) -> UnitRef:
    """Return the unit as messages and answers name it."""
    return UnitRef(code=unit.code, name=unit.title, kind=unit.kind, key=unit.key)


def criterion_ref(key: CriterionKey, reference: Reference) -> CriterionRef:
    """Return the criterion as messages and answers name it. KeyError when no set of the plan has it."""
    return CriterionRef(key=key, name=reference.criterion(key).name)


def commitment_ref(commitment: Commitment) -> CommitmentRef:
    """Return the plan's commitment as messages and answers name it."""
    return CommitmentRef(id=commitment.id, title=commitment.title, line=commitment.line)
