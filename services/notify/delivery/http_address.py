"""Addresses of HTTP servers in settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl


def _check(text: str) -> str:
    if text:
        AnyHttpUrl(text)
    return text


HttpAddress = Annotated[str, AfterValidator(_check)]
"""The address of an HTTP server as it was written; empty where there is no server."""
