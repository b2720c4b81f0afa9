"""Server-sent events whose bytes are given to the connection as they are, part by part.

FastAPI's own events are texts that each listener encodes, and holds several of, anew. Where hundreds of pages hear the
same, that is most of the work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

PING = b": ping\n\n"
"""A comment that is sent into a long silence, so that proxies do not take the connection for dead."""

PING_SECONDS = 15

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "properties": {
                        "data": {"type": "string"},
                        "event": {"type": "string"},
                        "id": {"type": "string"},
                        "retry": {"type": "integer", "minimum": 0},
                    },
                }
            }
        }
    }
}
"""The answer in the OpenAPI document of a route."""


class EventStream(StreamingResponse):
    """An answer of server-sent events. A part of one is sent when the client has read enough of those before."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # no proxy keeps it, nginx neither
        super().__init__(parts, headers=headers, media_type="text/event-stream")
