"""Answers of the services, as commands take them."""

from __future__ import annotations

from typing import Any

import httpx

from services.cli.console import fail


async def get(client: httpx.AsyncClient, url: str, **parameters: object) -> Any:
    """The JSON of a GET; ends the program with the problem's words when it is refused."""
    wanted = {name: str(value) for name, value in parameters.items() if value is not None}
    try:
        response = await client.get(url, params=wanted)
    except httpx.HTTPError as error:
        raise fail(f"{url}: {error or type(error).__name__}") from None
    if response.is_error:
        raise fail(problem_text(response))
    return response.json()


def problem_text(response: httpx.Response) -> str:
    """What a problem document says."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "title" not in document:
        return f"{response.status_code} {response.reason_phrase}".rstrip()
    lines = [f"{response.status_code} {document['title']}: {document.get('detail', '')}".rstrip(": ")]
    lines += [f"  {error['pointer']}: {error['detail']}" for error in document.get("errors", [])]
    return "\n".join(lines)
