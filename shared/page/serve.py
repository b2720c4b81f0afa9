"""Serves a page at `/`: one shell, with its scripts and styles. All data come from the JSON API.

Browsers ask for the shell each time. It names its files under their hash, so browsers keep the files for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from shared.http.dependencies import runtime_of
from shared.static_files import SECURITY_HEADERS, StaticFiles

_FOLDER = Path(__file__).parent
_SHELL = Template((_FOLDER / "shell.html").read_text(encoding="utf-8"))


def page_router(title: str, folder: Path, facts: Mapping[str, str] | None = None) -> APIRouter:
    """Return the routes of a service's page: the files of its folder, and those that all pages share.

    `page.js` runs: it hands its parts to `run` of `shell.js` and its words to `addWords` of `words.js`. The scripts
    find `facts`, the province and the day as data attributes of the document.
    """
    files = StaticFiles("/web", [*(_FOLDER / "static").iterdir(), *folder.iterdir()])
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
        shell = _SHELL.substitute(files=files.address, title=escape(title), data=data)
        return HTMLResponse(shell, headers={**SECURITY_HEADERS, "Cache-Control": "no-store"})

    router.include_router(files.router)
    return router
