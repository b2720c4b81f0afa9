"""uvicorn's options for a service on this machine; the image sets the same ones (`deploy/Dockerfile`)."""

from __future__ import annotations

OPTIONS = {
    "UVICORN_ACCESS_LOG": "false",
    # A caller that watches the changes holds a connection open, which must not hold up the end.
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "3",
    # Longer than callers and proxies keep an idle connection (Caddy: 120 s). Where the server closes it first, a
    # request that is sent at that moment gets no answer.
    "UVICORN_TIMEOUT_KEEP_ALIVE": "130",
}
"""uvicorn's options as its environment, but for host and port; times in seconds."""


def uvicorn_env(port: int) -> dict[str, str]:
    """Return the environment with which uvicorn serves at `port` of the loopback address."""
    return {**OPTIONS, "UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": str(port)}
