"""Serves the description of a service's HTTP API at `/docs`: Swagger UI, from files of this machine.

FastAPI's own page would load its script from another host, on the origin that holds people's keys.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from shared.static_files import StaticFiles, security_headers

_FOLDER = Path(__file__).parent / "swagger"
_SHELL = Template((_FOLDER / "docs.html").read_text(encoding="utf-8"))
_SWAGGER = Path(str(files("fastapi_offline"))) / "static"
_FILES = StaticFiles(
    "/docs/files",
    [
        _SWAGGER / "swagger-ui-bundle.js",
        _SWAGGER / "swagger-ui.css",
        _FOLDER / "docs.js",
        _SWAGGER / "favicon.png",
    ],
)

_HEADERS = security_headers(
    {
        "img-src": "'self' data:",  # the stylesheet's icons
        # Swagger UI makes markup of the document's descriptions. They are this project's texts, none of other people's.
        "require-trusted-types-for": None,
    }
)


def docs_router(title: str) -> APIRouter:
    """Return the route of `/docs` and of its files."""
    router = APIRouter(include_in_schema=False)
    shell = _SHELL.substitute(files=_FILES.address, title=escape(title))

    @router.get("/docs")
    async def get_docs() -> HTMLResponse:
        return HTMLResponse(shell, headers={**_HEADERS, "Cache-Control": "no-store"})

    router.include_router(_FILES.router)
    return router
