"""Addresses of HTTP servers, as settings have them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl


def _check(text: str) -> str:
    if text:
        AnyHttpUrl(text)
    return text


HttpAddress = Annotated[str, AfterValidator(_check)]
"""The address of an HTTP server, kept as it was written; empty where there is none."""
