"""The reply with an answer that is kept as it is sent."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from pydantic import BaseModel

from services.scoring.asking.changes import scoring_of
from services.scoring.storage.figure_versions import StateVersion, state_version
from shared.access.caller import Caller


async def reply_with(
    request: Request, caller: Caller, made_from: object, make: Callable[[], Awaitable[BaseModel]]
) -> Response:
    """Return the reply to a request whose parameters are checked: the kept one for callers of the same scope.

    `made_from`: all that the answer depends on beside the request and the scope; it must have been read before `make`
    reads anything.
    """
    question = request.url.path, request.url.query, caller.units, caller.criteria, caller.role
    packed = await scoring_of(request).answers.ask(question, made_from, make)
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(gzip.decompress(packed), media_type="application/json")
    return Response(
        packed, media_type="application/json", headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    )


async def figures_version(request: Request) -> StateVersion:
    """Return the version of all figures: an answer made from figures alone is the same as long as it is."""
    async with scoring_of(request).runtime.engine.connect() as connection:
        return await state_version(connection)
