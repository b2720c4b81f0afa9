"""The answer of a service whose tables lack messages that it has acknowledged: whatever it answered would be wrong."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.app import held_back, language_of, problem_response
from shared.http.dependencies import runtime_of

_OPERATIONS = ("/v1/", "/a/")


class HeldBack:
    """Middleware that answers every operation with problem 503 while the service is held back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an operation while the service is held back, and pass every other request on."""
        if scope["type"] == "http" and scope["path"].startswith(_OPERATIONS):
            request = Request(scope, receive, send)
            if problem := held_back(runtime_of(request)):
                await problem_response(problem, language_of(request))(scope, receive, send)
                return
        await self._app(scope, receive, send)
