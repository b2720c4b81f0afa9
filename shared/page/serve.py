"""Serves a service's page at `/` to those who are signed in: one shell, with its scripts and styles, and the pages of
signing in. All data come from the JSON API.

Browsers ask for the shell each time. It names its files under their hash, so browsers keep the files for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.access.rights import RIGHTS
from shared.access.sessions import SESSION_COOKIE, form_token
from shared.contracts.bilingual import Bilingual
from shared.http.dependencies import service_of
from shared.page.frame import STATIC, Frame
from shared.page.sign_in import sign_in_router
from shared.page.ways import to_password, to_sign_in
from shared.static_files import StaticFiles


def page_router(service: str, title: Bilingual, folder: Path, facts: Mapping[str, str] | None = None) -> APIRouter:
    """Return the routes of a service's page: the files of its folder, those that all pages share, and signing in.

    `page.js` runs: it hands its parts to `run` of `shell.js` and its words to `addWords` of `words.js`. The scripts
    find `facts`, the province and the day as data attributes of the document.
    """
    files = StaticFiles("/web", [*STATIC.iterdir(), *folder.iterdir()])
    frame = Frame(service, title, files, facts or {})
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_page(request: Request) -> Response:
        """Answer with the shell; without a session, with the way to sign in."""
        own = f"/?{request.url.query}" if request.url.query else "/"
        token = request.cookies.get(SESSION_COOKIE)
        session = await service_of(request).authenticator.session(token)
        if session is None or token is None:
            return to_sign_in(own)
        if session.has_first_password:
            return to_password(own)
        data = {
            "form": form_token(token),
            "password": "true" if session.has_password else "false",
            "refused": ",".join(name for name, right in RIGHTS.items() if session.caller.role not in right.people),
        }
        return frame.draw(request, "shell.html", data=data)

    router.include_router(sign_in_router(frame))
    router.include_router(files.router)
    return router
