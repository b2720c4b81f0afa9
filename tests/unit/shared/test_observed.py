"""A request that fails is counted as 500, and its log line names its trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.http.app import create_app
from shared.http.observed import REQUESTS, Observed

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@asynccontextmanager
async def nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


async def test_a_request_that_fails_counts_as_500_and_its_log_line_names_its_trace() -> None:
    app = create_app("tests", "tests", nothing)
    app.add_middleware(Observed)

    @app.get("/fails/{what}", name="fails")
    async def fails(what: str) -> None:
        raise ValueError(what)

    labels = ("GET", "/fails/{what}", "500")
    before = REQUESTS.labels(*labels)._value.get()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        with capture_logs() as lines:
            answer = await client.get("/fails/here", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert answer.status_code == 500
    assert [(line["event"], line["trace_id"]) for line in lines] == [("request failed", TRACE)]
    assert REQUESTS.labels(*labels)._value.get() == before + 1
