"""The ways by which the pages of signing in send a browser on, with a session or without."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from shared.access.sessions import SESSION_COOKIE, end_session
from shared.http.dependencies import runtime_of

_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")

Next = Annotated[str, Query(max_length=2000)]
"""The path to go on to afterwards, as an address names it."""


def own_path(path: str) -> str:
    """Return the path where it leads to a page of this origin, however browsers read it; else that of the page."""
    return path if _OWN_PATH.fullmatch(path) else "/"


def see(address: str) -> Response:
    """Send a browser to an address."""
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


def to_sign_in(path: str, **more: str) -> Response:
    """Send a browser to the page of signing in, and back to a path of this origin afterwards."""
    return see(f"/sign-in?{urlencode({'next': path, **more})}")


def to_password(path: str) -> Response:
    """Send a browser to the change of the password, and to a path of this origin afterwards."""
    return see(f"/password?{urlencode({'next': path})}")


async def with_session(answer: Response, request: Request, token: str, *, is_tls: bool) -> Response:
    """Give the browser the cookie of a session that has begun, and end the one that it had before."""
    if (old := request.cookies.get(SESSION_COOKIE)) is not None:
        await end_session(runtime_of(request).engine, old)
    answer.set_cookie(SESSION_COOKIE, token, httponly=True, samesite="lax", secure=is_tls)
    return answer
