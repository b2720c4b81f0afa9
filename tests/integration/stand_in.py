"""A service for tests, which is ready at once and answers with its environment."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def ready(_: Request) -> JSONResponse:
    return JSONResponse({"pid": os.getpid(), "env": {k: v for k, v in os.environ.items() if k.startswith("NTM_")}})


app = Starlette(routes=[Route("/readyz", ready)])
