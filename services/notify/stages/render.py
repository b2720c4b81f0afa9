"""What a notice says, from the templates of its language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft
from services.notify.alerts.notice import Wording
from services.notify.sms_text import Style, clip
from services.notify.wording.template_facts import facts_of, facts_of_several
from services.notify.wording.verdict_table import Words
from services.notify.world import World
from shared.contracts.alert import OccasionKind
from shared.contracts.bilingual import Language

BRIEFEST = 5
"""The last step of shortening an SMS; each step leaves out what matters least of the rest."""

_SEVERAL = "several"
_TEMPLATES: Mapping[OccasionKind, str] = {
    "status": "status_change",
    "target": "status_change",
    "problem": "difficulty",
    "operation": "operation",
}
"""The template of each kind of event: `<language>/<template>.txt` and `.html` for a mail, `_sms.txt` for an SMS. A
notice of several alerts takes `several`; the subjects of mails stand in `subject.txt` and `several_subject.txt`.
"""

_templates = Environment(
    loader=PackageLoader("services.notify"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["clip_to"] = clip


def render(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """The drafts with their wording. What cannot be sent, or has nothing to tell, needs none."""
    return [
        draft if draft.not_sent or not draft.told else replace(draft, wording=_word(draft, world)) for draft in drafts
    ]


def _word(draft: Draft, world: World) -> Wording:
    if draft.channel == "webhook":
        return Wording(event_document(draft.alert))
    language, words = draft.language, _words(draft.language)
    is_one = len(draft.told) == 1
    facts = facts_of(draft, world, words) if is_one else facts_of_several(draft, world, words)
    template = _TEMPLATES[draft.alert.kind] if is_one else _SEVERAL
    if draft.channel == "sms":
        return Wording(text=short_message(f"{template}_sms.txt", facts, language, world.sms))
    return Wording(
        subject=" ".join(_fill("subject.txt" if is_one else "several_subject.txt", facts, language).split()),
        text=_fill(f"{template}.txt", facts, language),
        html=_fill(f"{template}.html", facts, language),
    )


def event_document(alert: Alert) -> str:
    """What a webhook tells: the event as it was published, with its type and time as Standard Webhooks advise."""
    kind, at = json.dumps(f"ntm.{alert.kind}.{alert.event}"), json.dumps(alert.occasion.at.isoformat())
    return f'{{"type":{kind},"timestamp":{at},"data":{alert.occasion.model_dump_json()}}}'


def short_message(name: str, facts: dict[str, Any], language: Language, style: Style) -> str:
    """An SMS: the fullest wording that fits, the last one cut where even that does not."""
    for brevity in range(BRIEFEST + 1):
        message = style.write(_fill(name, {**facts, "brevity": brevity}, language))
        if style.fits(message):
            return message
    return style.cut(message)


def _fill(name: str, facts: dict[str, Any], language: Language) -> str:
    return _templates.get_template(f"{language}/{name}").render(facts)


def happened(kind: OccasionKind, event: str, body: Mapping[str, Any], language: Language) -> str:
    """What happened to what, in a few words: `chậm tiến độ tiêu chí 11 - Nghèo đa chiều`."""
    words = _words(language)
    about = body.get("criterion")
    key, name = (about["key"], about["name"][language]) if isinstance(about, dict) else (about or "", "")
    if kind == "target":
        name = body["commitment"]["title"][language]
    criteria, _, number = key.rpartition("-")
    topic = words["subject_of"](
        kind, criteria, number, name or body.get("about", ""), body.get("kind") if kind == "problem" else None
    )
    return f"{words['happened'][kind][event]} {topic}".strip(" -")


def _words(language: Language) -> Words:
    """The few words that tables need, set in the language's own template."""
    return vars(_templates.get_template(f"{language}/words.jinja").module)


__all__ = ["BRIEFEST", "event_document", "happened", "render", "short_message"]
