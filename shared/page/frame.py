"""The frame that all pages of a service have: their head, their styles, their words, drawn on the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.contracts.bilingual import Bilingual, Language
from shared.http.dependencies import runtime_of
from shared.static_files import SECURITY_HEADERS, StaticFiles, security_headers
from shared.texts import filled, phrase

LANGUAGE_COOKIE = "ntm_language"
"""The cookie with the language that a person has chosen; pages and their scripts read it."""

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.globals["phrase"] = phrase


def language_of_page(request: Request) -> Language:
    """Return the language that a person has chosen; Vietnamese until then."""
    return "en" if request.cookies.get(LANGUAGE_COOKIE) == "en" else "vi"


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of one service's pages."""

    service: str
    """The service's name, by which the navigation over all pages marks this one."""
    title: Bilingual
    files: StaticFiles
    facts: Mapping[str, str]
    """Facts for the scripts, which stand as data attributes in the document."""

    def draw(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        language: Language | None = None,
        has_form: bool = False,
        **words: object,
    ) -> HTMLResponse:
        """Return a page, which browsers ask for each time."""
        chosen = language or language_of_page(request)

        def t(text: Bilingual, **details: object) -> str:
            return filled(text, **details).in_(chosen)

        data = {
            "title-vi": self.title.vi,
            "title-en": self.title.en,
            "service": self.service,
            **_facts(request),
            **self.facts,
        }
        if isinstance(more := words.pop("data", None), Mapping):
            data |= more
        text = _TEMPLATES.get_template(template).render(
            title=self.title.in_(chosen), files=self.files.address, data=data, language=chosen, t=t, **words
        )
        return HTMLResponse(
            text, status, headers={**(_FORM_HEADERS if has_form else SECURITY_HEADERS), "Cache-Control": "no-store"}
        )


# Browsers name the origin of a form only to those who may hear where it came from.
_FORM_HEADERS = {**security_headers({"form-action": "'self'"}), "Referrer-Policy": "same-origin"}


def _facts(request: Request) -> dict[str, str]:
    """Return what the pages show of the province and the day."""
    runtime = runtime_of(request)
    plan, today = runtime.reference.plan, runtime.clock.today()
    province = runtime.reference.units.find(plan.unit, today)
    return {
        "province": province.name if province else "",
        "sample": "true" if plan.sample else "false",
        "today": today.isoformat(),
        "pages": json.dumps(runtime.settings.pages),
    }
