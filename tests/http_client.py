"""Clients that ask the services of the tests, which speak HTTP without TLS."""

from __future__ import annotations

import ssl

import httpx

_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""By itself each client reads all the world's certificates, which takes longer than most requests."""


def http_client(url: str = "", key: str | None = None, seconds: float = 30) -> httpx.AsyncClient:
    """Return a client for addresses below `url`, with a key, that waits so long for each answer."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=_NO_AUTHORITIES, timeout=seconds)
