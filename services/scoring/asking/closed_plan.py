"""The words on a plan that is closed: supposed figures turn none of its verdicts."""

from __future__ import annotations

from datetime import date

from services.scoring.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.reference.models import Plan
from shared.text import day_named
from shared.texts import filled


def stands(plan: Plan, on: date) -> Bilingual | None:
    """Say that the verdicts of a plan stand that is closed on a day; None while it is open."""
    if plan.closes is None or not plan.is_closed(on):
        return None
    closed = day_named(plan.closes)
    return filled(phrase("closed_plan.stands"), plan=plan.id, day=closed)
