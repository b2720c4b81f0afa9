"""uvicorn's options for a service on this machine; the image sets the same ones (`deploy/Dockerfile`)."""

from __future__ import annotations

import sys

UVICORN_ENV = {
    "UVICORN_ACCESS_LOG": "false",
    # A caller that watches the changes holds a connection open, which must not hold up the end.
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "3",
    # Longer than callers and proxies keep an idle connection (Caddy: 120 s). Where the server closes it first, a
    # request that is sent at that moment gets no answer.
    "UVICORN_TIMEOUT_KEEP_ALIVE": "130",
    # uvicorn alone waits without end for the rest of a request.
    "UVICORN_HTTP": "shared.http.deadlines:Deadlines",
}
"""uvicorn's options as its environment; times in seconds."""


def uvicorn_command(app: str, port: int) -> list[str]:
    """Return the command that serves an application (`package.module:name`) at a port of the loopback address."""
    return [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
