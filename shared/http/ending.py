"""The answer to a request that is still in hand when its service has to end."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.app import language_of, problem_response
from shared.problems import Problem, Problems


class Ending:
    """Middleware that tells who still waits at the service's end to come again: problem 503, as while it is away.

    The server ends such requests when its time for an orderly end is over, and would answer 500, which says that the
    request itself fails. An answer that has begun is cut off, which its reader sees.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; answer where the request is ended before its answer has begun."""
        has_begun = False

        async def noticing(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except asyncio.CancelledError:
            if scope["type"] != "http" or has_begun:
                raise
            problem = Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
            await problem_response(problem, language_of(Request(scope, receive)))(scope, receive, send)
