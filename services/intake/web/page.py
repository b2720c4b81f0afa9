"""Serves the page at `/`: one shell, and the scripts and styles it is made of. All data come from the JSON API.

The shell is asked for anew each time and names its files under their hash, so these are kept for good.
"""

from __future__ import annotations

import hashlib
from html import escape
from mimetypes import guess_type
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from shared.problems import Problem, Problems
from shared.runtime import Runtime
from shared.spreadsheet.guard import UPLOAD_LIMIT

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
_SHELL = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
_FILES = {path.name: path.read_bytes() for path in sorted((_FOLDER / "static").iterdir()) if path.is_file()}
_VERSION = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in _FILES.values())).hexdigest()[:16]

_POLICY = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",  # without scripts nothing, least of all the key, is sent anywhere
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",  # nothing that people wrote can become markup
}

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@router.get("/")
async def get_page(request: Request) -> Response:
    """The shell."""
    runtime: Runtime = request.app.state.runtime
    plan, units = runtime.reference.plan, runtime.reference.units
    today = runtime.clock.today()
    province = units.find(plan.unit, today)
    facts = {
        "files": f"/web/{_VERSION}",
        "province": province.name if province else "",
        "sample": "true" if plan.sample else "false",
        "today": today.isoformat(),
        "upload_limit": str(UPLOAD_LIMIT),
    }
    shell = _SHELL.substitute({name: escape(fact) for name, fact in facts.items()})
    return HTMLResponse(shell, headers={**SECURITY_HEADERS, "Cache-Control": "no-store"})


@router.get("/web/{version}/{name}")
async def get_file(version: str, name: str) -> Response:
    """A script, a style, a picture, of this version alone: files of two versions do not fit together."""
    content = _FILES.get(name)
    if content is None or version != _VERSION:
        raise Problem(Problems.NOT_FOUND)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    kind = "text/javascript" if name.endswith(".js") else guess_type(name)[0]
    return Response(content, media_type=kind, headers={**SECURITY_HEADERS, **kept})
