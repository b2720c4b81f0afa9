"""What the templates may speak of: an alert and its recipient, in the words of a language."""

from __future__ import annotations

from typing import Any

from services.notify.figures import Words, table
from services.notify.notices import Alert, Draft
from services.notify.quotation import lines_of, on_one_line
from services.notify.stages import World
from shared import text
from shared.clock import VIETNAM
from shared.contracts import (
    Event,
    Language,
    Period,
    ProblemEvent,
    ProblemLogged,
    StatusChanged,
    TargetChanged,
)
from shared.reference.load import Reference

_GOOD = {Event.MET, Event.RECOVERED, Event.REPORT_ARRIVED, Event.FIRST_DATA, ProblemEvent.CLOSED}
_BAD = {Event.FELL_BEHIND, Event.MISSED, Event.LOST}


def facts_of(draft: Draft, world: World, words: Words) -> dict[str, Any]:
    """The facts of a draft; `words` are its language's."""
    alert, language = draft.alert, draft.language
    occasion, recipient = alert.occasion, draft.recipient
    district = alert.district if alert.district != alert.unit else None
    known = {
        "kind": alert.kind,
        "event": alert.event.value,
        "tone": "good" if alert.event in _GOOD else "bad" if alert.event in _BAD else "neutral",
        "code": occasion.unit.code,
        "place": occasion.unit.name if language == "vi" else alert.unit.title_in("en"),
        "short_place": alert.unit.name,
        "district": district.title_in(language) if district else None,
        "short_district": district.name if district else None,
        "on": text.day(alert.on, language),
        "plan": world.reference.plan.document,
        "recipient": recipient.name or recipient.role.name.in_(language) if recipient else "",
        "role": recipient.role.name.in_(language) if recipient else "",
        "role_line": recipient.role.line if recipient else None,
        "link": _link(alert, world.board_url),
        "sample": alert.sample,
    }
    if isinstance(occasion, ProblemLogged):
        return known | _of_problem(occasion, language, world.reference)
    return known | _of_change(occasion, language, world.reference, words)


def _of_change(
    change: StatusChanged | TargetChanged, language: Language, reference: Reference, words: Words
) -> dict[str, Any]:
    """The verdict with its figures, and the criterion or the commitment that it is about."""
    assessment = change.assessment
    deadline = max((part.deadline for part in assessment.parts if part.deadline), default=None)
    if isinstance(change, StatusChanged):
        about = _criterion(change.criterion.key, change.criterion.name.in_(language), language, reference)
        cohorts = [cohort.name.in_(language) for cohort in reference.plan.cohorts if cohort.id in change.cohorts]
    else:
        about = _criterion("", change.commitment.title.in_(language), language, reference)
        about["line"] = change.commitment.line
        cohorts = []
    return {
        **about,
        "cohorts": cohorts,
        "nature": None,
        "before": change.before.value,
        "after": change.after.value,
        "reason": assessment.reason.in_(language),
        "rows": table(assessment.parts, language, words),
        "unverified": any(not part.verified for part in assessment.parts),
        "provisional": assessment.provisional,
        "overdue": [text.period_name(Period.parse(period), language) for period in assessment.overdue],
        "deadline": text.day(deadline, language) if deadline else None,
        "deadline_in_figures": text.day(deadline, "vi") if deadline else None,
        "days_left": (deadline - change.on).days if deadline else None,
    }


def _of_problem(logged: ProblemLogged, language: Language, reference: Reference) -> dict[str, Any]:
    """What was said about a difficulty, by whom, and the criterion that it is about, if any."""
    key = logged.criterion or ""
    name = reference.criterion(key).name.in_(language) if key in reference.criterion_keys else key
    return {
        **_criterion(key, name, language, reference),
        "nature": logged.kind.value,
        "problem": str(logged.problem),
        "time": f"{logged.at.astimezone(VIETNAM):%H:%M}",
        "agency": on_one_line(logged.agency_name or logged.agency),
        "reported_by": on_one_line(logged.reported_by),
        "contact": on_one_line(logged.contact or ""),
        "quotation": lines_of(logged.words),
        "rows": [],
    }


def _criterion(key: str, name: str, language: Language, reference: Reference) -> dict[str, Any]:
    """What it is about: by set and number where it is a criterion, else by its name alone, which may be empty."""
    criteria, _, number = key.rpartition("-")
    known = reference.sets.get(criteria)
    return {
        "set": criteria,
        "set_name": known.name.in_(language) if known else criteria,
        "number": number,
        "topic": name,
        "line": None,
    }


def _link(alert: Alert, board_url: str | None) -> str | None:
    if not board_url:
        return None
    return f"{board_url.rstrip('/')}/?unit={alert.occasion.unit.code}"
