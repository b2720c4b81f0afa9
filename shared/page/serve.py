"""Serves a page at `/`: one shell, with its scripts and styles. All data come from the JSON API.

Browsers ask for the shell each time. It names its files under their hash, so browsers keep the files for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html import escape
from mimetypes import guess_type
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from shared.http.dependencies import runtime_of
from shared.problems import Problem, Problems

_FOLDER = Path(__file__).parent
_SHELL = Template((_FOLDER / "shell.html").read_text(encoding="utf-8"))

_POLICY = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",  # without scripts the page sends nothing anywhere, least of all the key
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",  # texts of people cannot become markup
}

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def page_router(title: str, folder: Path, facts: Mapping[str, str] | None = None) -> APIRouter:
    """Return the routes of a service's page: the files of its folder, and those that all pages share.

    `page.js` runs: it hands its parts to `run` of `shell.js` and its words to `addWords` of `words.js`. The scripts
    find `facts`, the province and the day as data attributes of the document.
    """
    paths = [*(_FOLDER / "static").iterdir(), *folder.iterdir()]
    files = {path.name: path.read_bytes() for path in sorted(paths) if path.is_file()}
    version = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in files.values())).hexdigest()[:16]
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_page(request: Request) -> Response:
        """Answer with the shell."""
        runtime = runtime_of(request)
        plan, today = runtime.reference.plan, runtime.clock.today()
        province = runtime.reference.units.find(plan.unit, today)
        known = {
            "province": province.name if province else "",
            "sample": "true" if plan.sample else "false",
            "today": today.isoformat(),
            **(facts or {}),
        }
        data = " ".join(f'data-{name}="{escape(fact)}"' for name, fact in known.items())
        shell = _SHELL.substitute(files=f"/web/{version}", title=escape(title), data=data)
        return HTMLResponse(shell, headers={**SECURITY_HEADERS, "Cache-Control": "no-store"})

    @router.get("/web/{wanted}/{name}")
    async def get_file(wanted: str, name: str) -> Response:
        """Answer with a script, style or picture of this version; files of different versions do not fit together."""
        content = files.get(name)
        if content is None or wanted != version:
            raise Problem(Problems.NOT_FOUND)
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        kind = "text/javascript" if name.endswith(".js") else guess_type(name)[0]
        return Response(content, media_type=kind, headers={**SECURITY_HEADERS, **kept})

    return router
