"""The templates of notices, filled in with facts."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notify.sms_text import clip
from services.notify.wording.verdict_table import Words
from shared.contracts.bilingual import Language
from shared.text import EVENTS, STATUSES

_LANGUAGES: tuple[Language, ...] = ("vi", "en")
_NAMES = {
    "status_names": {one: {key.value: name.in_(one) for key, name in STATUSES.items()} for one in _LANGUAGES},
    "event_names": {one: {key.value: name.in_(one) for key, name in EVENTS.items()} for one in _LANGUAGES},
}


def _environment(*, escapes: bool) -> Environment:
    made = Environment(
        loader=PackageLoader("services.notify"),
        autoescape=escapes,  # noqa: S701 - only for texts without markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clip_to"] = clip
    made.filters["capitalized"] = lambda text: text[:1].upper() + text[1:]
    made.globals |= _NAMES
    return made


# One for each kind of text: a macro escapes as its own file does, and pages and mails share the macros of words.jinja.
_plain, _html = _environment(escapes=False), _environment(escapes=True)


type Facts = dict[str, Any]
"""The facts that a template is filled in with, by the names that the template uses."""


def fill(name: str, facts: Facts, language: Language) -> str:
    """Return the template of this name in a language, filled in with the facts."""
    environment = _html if name.endswith(".html") else _plain
    return environment.get_template(f"{language}/{name}").render(facts)


def words_of(language: Language) -> Words:
    """Return the words and macros that a language sets in `words.jinja`."""
    return vars(_plain.get_template(f"{language}/words.jinja").module)
