"""A receiver of webhooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.ports import free_port


class Receiver:
    """A receiver of webhooks, which checks every signature with a library of its own, and can be gone."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.status = 204
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if self.status != 204:
            return Response("not now", status_code=self.status)
        for secret in self.secrets:
            Webhook(secret).verify(body, dict(request.headers))
        self.heard.append((request.headers["webhook-id"], json.loads(body)))
        return Response(status_code=204)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(receiver.app, port=free_port(), log_level="warning"))
    task = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{server.config.port}/hook"
    finally:
        server.should_exit = True
        await task
