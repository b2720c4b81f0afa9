"""What a notice says, from the templates of its language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notify.channels.sms.gsm import PART_SEPTETS, clip, fits_one_part, plain
from services.notify.notices import Alert, Draft, Wording
from services.notify.stages import World
from shared import text
from shared.contracts import Event, Language, Part, Period, StatusChanged

BRIEFEST = 5
"""The last step of shortening an SMS; each step leaves out what matters least of the rest."""

_GOOD = {Event.MET, Event.RECOVERED, Event.REPORT_ARRIVED, Event.FIRST_DATA}
_BAD = {Event.FELL_BEHIND, Event.MISSED, Event.LOST}

_templates = Environment(
    loader=PackageLoader("services.notify"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["clip_to"] = clip


@dataclass(frozen=True, slots=True)
class Row:
    """A measure as the table of a mail shows it; what is not known is empty."""

    indicator: str
    name: str
    group: str | None
    value: str
    figure: str
    counts: str
    period: str
    goal: str
    required: str
    missing: str
    is_behind: bool
    verified: bool


def render(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """The drafts with their wording. What cannot be sent needs none."""
    return [draft if draft.not_sent else replace(draft, wording=_word(draft, world)) for draft in drafts]


def _word(draft: Draft, world: World) -> Wording:
    facts = _facts(draft, world)
    if draft.channel == "sms":
        return Wording(text=short_message(facts, draft.language))
    return Wording(
        subject=" ".join(_fill("email_subject.txt", facts, draft.language).split()),
        text=_fill("email.txt", facts, draft.language),
        html=_fill("email.html", facts, draft.language),
    )


def short_message(facts: dict[str, Any], language: Language) -> str:
    """One part of plain letters: the fullest wording that fits, the last one cut where even that does not."""
    for brevity in range(BRIEFEST + 1):
        message = plain(_fill("sms.txt", {**facts, "brevity": brevity}, language))
        if fits_one_part(message):
            return message
    return clip(message, PART_SEPTETS)


def _fill(name: str, facts: dict[str, Any], language: Language) -> str:
    return _templates.get_template(f"{language}/{name}").render(facts)


def _facts(draft: Draft, world: World) -> dict[str, Any]:
    """What the templates may speak of."""
    alert, language = draft.alert, draft.language
    change, assessment = alert.change, alert.change.assessment
    deadline = max((part.deadline for part in assessment.parts if part.deadline), default=None)
    recipient = draft.recipient
    return {
        "event": change.event.value,
        "tone": "good" if change.event in _GOOD else "bad" if change.event in _BAD else "neutral",
        "before": change.before.value,
        "after": change.after.value,
        "code": change.unit.code,
        "place": change.unit.name if language == "vi" else alert.unit.title_in("en"),
        "short_place": alert.unit.name,
        "district": alert.district.title_in(language) if alert.district and alert.district != alert.unit else None,
        "short_district": alert.district.name if alert.district and alert.district != alert.unit else None,
        **_topic(alert, language, world),
        "on": text.day(change.on, language),
        "reason": assessment.reason.in_(language),
        "rows": [_row(part, language) for part in _worst_first(assessment.parts)],
        "unverified": any(not part.verified for part in assessment.parts),
        "provisional": assessment.provisional,
        "overdue": [text.period_name(Period.parse(period), language) for period in assessment.overdue],
        "deadline": text.day(deadline, language) if deadline else None,
        "deadline_in_figures": text.day(deadline, "vi") if deadline else None,
        "days_left": (deadline - change.on).days if deadline else None,
        "plan": world.reference.plan.document,
        "recipient": recipient.name or recipient.role.name.in_(language) if recipient else "",
        "role": recipient.role.name.in_(language) if recipient else "",
        "role_line": recipient.role.line if recipient else None,
        "link": _link(alert, world.board_url),
        "sample": change.sample,
    }


def _topic(alert: Alert, language: Language, world: World) -> dict[str, Any]:
    """The criterion or the commitment that the alert speaks of."""
    change = alert.change
    if isinstance(change, StatusChanged):
        criteria, _, number = change.criterion.key.rpartition("-")
        known = world.reference.sets.get(criteria)
        return {
            "kind": "status",
            "set": criteria,
            "set_name": known.name.in_(language) if known else criteria,
            "number": number,
            "topic": change.criterion.name.in_(language),
            "line": None,
            "cohorts": [
                cohort.name.in_(language) for cohort in world.reference.plan.cohorts if cohort.id in change.cohorts
            ],
        }
    return {
        "kind": "target",
        "set": "",
        "set_name": "",
        "number": "",
        "topic": change.commitment.title.in_(language),
        "line": change.commitment.line,
        "cohorts": [],
    }


def _worst_first(parts: Sequence[Part]) -> Sequence[Part]:
    return sorted(parts, key=lambda part: (part.status.severity, -(part.gap or 0)))


def _row(part: Part, language: Language) -> Row:
    words = _words(language)
    amount = partial(_amount, part=part, language=language)
    counted = part.numerator is not None and part.denominator is not None
    unit = part.missing_unit.in_(language) if part.missing_unit else ""
    return Row(
        indicator=part.indicator,
        name=part.name.in_(language),
        group=words["groups"][part.group] if part.group else None,
        value=amount(part.value),
        figure=_figure(part, language),
        counts=f"{text.number(part.numerator or 0, language)}/{text.number(part.denominator or 0, language)}"
        if counted
        else "",
        period=text.period_name(part.period, language) if part.period else "",
        goal=amount(part.goal, bound=True),
        required=amount(part.required, bound=True),
        missing=f"{text.number(part.missing, language)} {unit}".strip() if part.missing else "",
        is_behind=part.gap is not None and part.gap > 0,
        verified=part.verified,
    )


def _figure(part: Part, language: Language) -> str:
    """The value without its unit, where the goal's says it."""
    if part.value is None or part.measured_in == "yes_no":
        return _amount(part.value, part=part, language=language)
    return text.number(part.value, language)


def _amount(value: float | None, *, part: Part, language: Language, bound: bool = False) -> str:
    """A value in the part's unit, with a sign where it is a bound; empty where there is none."""
    if value is None:
        return ""
    words = _words(language)
    if part.measured_in == "yes_no":
        return str(words["yes"] if value else words["no"])
    sign = ("≥ " if part.direction == "at_least" else "≤ ") if bound else ""
    if part.measured_in == "percent":
        return sign + text.percent(value, language)
    unit = part.missing_unit.in_(language) if part.missing_unit else words["units"].get(part.measured_in, "")
    return f"{sign}{text.number(value, language)} {unit}".strip()


def _words(language: Language) -> dict[str, Any]:
    """The few words that tables need, set in the language's own template."""
    return vars(_templates.get_template(f"{language}/words.jinja").module)


def _link(alert: Alert, board_url: str | None) -> str | None:
    if not board_url:
        return None
    return f"{board_url.rstrip('/')}/?unit={alert.change.unit.code}"


__all__ = ["BRIEFEST", "Row", "render", "short_message"]
