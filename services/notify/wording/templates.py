"""The templates of notices, filled in with facts."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notify.sms_text import clip
from services.notify.wording.verdict_table import Words
from shared.contracts.bilingual import Language
from shared.text import EVENTS, STATUSES

_templates = Environment(
    loader=PackageLoader("services.notify"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["clip_to"] = clip
_LANGUAGES: tuple[Language, ...] = ("vi", "en")
for _name, _names in ("status_names", STATUSES), ("event_names", EVENTS):
    _templates.globals[_name] = {
        language: {key.value: name.in_(language) for key, name in _names.items()} for language in _LANGUAGES
    }


type Facts = dict[str, Any]
"""The facts that a template is filled in with, by the names that the template uses."""


def fill(name: str, facts: Facts, language: Language) -> str:
    """Return the template of this name in a language, filled in with the facts."""
    return _templates.get_template(f"{language}/{name}").render(facts)


def words_of(language: Language) -> Words:
    """Return the words and macros that a language sets in `words.jinja`."""
    return vars(_templates.get_template(f"{language}/words.jinja").module)
