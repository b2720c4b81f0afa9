"""What a notice says, from the templates of its language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notify.channels.sms.gsm import PART_SEPTETS, clip, fits_one_part, plain
from services.notify.facts import facts_of
from services.notify.figures import Words
from services.notify.notices import Draft, OccasionKind, Wording
from services.notify.stages import World
from shared.contracts import Language

BRIEFEST = 5
"""The last step of shortening an SMS; each step leaves out what matters least of the rest."""

_BODIES: dict[OccasionKind, str] = {"status": "change", "target": "change", "problem": "problem"}

_templates = Environment(
    loader=PackageLoader("services.notify"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["clip_to"] = clip


def render(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """The drafts with their wording. What cannot be sent needs none."""
    return [draft if draft.not_sent else replace(draft, wording=_word(draft, world)) for draft in drafts]


def _word(draft: Draft, world: World) -> Wording:
    language = draft.language
    facts, body = facts_of(draft, world, _words(language)), _BODIES[draft.alert.kind]
    if draft.channel == "sms":
        return Wording(text=short_message(f"{body}_sms.txt", facts, language))
    return Wording(
        subject=" ".join(_fill("subject.txt", facts, language).split()),
        text=_fill(f"{body}.txt", facts, language),
        html=_fill(f"{body}.html", facts, language),
    )


def short_message(name: str, facts: dict[str, Any], language: Language) -> str:
    """One part of plain letters: the fullest wording that fits, the last one cut where even that does not."""
    for brevity in range(BRIEFEST + 1):
        message = plain(_fill(name, {**facts, "brevity": brevity}, language))
        if fits_one_part(message):
            return message
    return clip(message, PART_SEPTETS)


def _fill(name: str, facts: dict[str, Any], language: Language) -> str:
    return _templates.get_template(f"{language}/{name}").render(facts)


def _words(language: Language) -> Words:
    """The few words that tables need, set in the language's own template."""
    return vars(_templates.get_template(f"{language}/words.jinja").module)


__all__ = ["BRIEFEST", "render", "short_message"]
