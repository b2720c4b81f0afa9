"""The words for the notices that a silence holds back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.notify.alerts.offices import office_of
from services.notify.texts import phrase
from services.notify.wording.templates import words_of
from shared import text
from shared.contracts.bilingual import Language
from shared.reference.load import Reference
from shared.reference.models import Match
from shared.reference.models.units import UNIT_KINDS
from shared.reference.naming import criteria_named


def places_of(match: Match, language: Language, reference: Reference) -> str:
    """Return the units of which a silence holds alerts back; without any, the whole province."""
    units = [reference.units.known(code)[-1] for code in match.under or ()]
    return ", ".join(unit.title_in(language) for unit in units) or phrase("silence_given.everywhere").in_(language)


def conditions_of(match: Match, recipient: str | None, on: date, language: Language, reference: Reference) -> str:
    """Return what a silence is limited to beside its units: `tiêu chí: 11; sự việc: chậm tiến độ`.

    `on`: a day on which the recipient's office was there.
    """
    words, plan = words_of(language), reference.plan
    of_plan = {one.id: one.title for one in plan.commitments} | {one.id: one.name for one in plan.cohorts}
    named: dict[str, Sequence[str]] = {
        "criteria": [criteria_named(match.criteria).in_(language)] if match.criteria else [],
        "sets": [reference.sets[one].name.in_(language) for one in match.sets or () if one in reference.sets],
        "events": [words["events"].get(str(one), str(one)).rstrip(":") for one in match.events or ()],
        "severities": [words["severities"][one.value] for one in match.severities or ()],
        "of_plan": [
            of_plan[one].in_(language) for one in (*(match.commitments or ()), *(match.cohorts or ())) if one in of_plan
        ],
        "kinds": [words["difficulty_kinds"][one.value] for one in match.kinds or ()],
        "dossiers": [text.DOSSIER_STEPS[one].in_(language) for one in match.dossiers or ()],
        "levels": [UNIT_KINDS[one].in_(language) for one in match.levels or ()],
        "recipient": [office_of(recipient, on, reference) or recipient] if recipient else [],
    }
    return "; ".join(f"{words['conditions'][name]}: {', '.join(values)}" for name, values in named.items() if values)
