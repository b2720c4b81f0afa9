"""Answers of the services, which commands read as JSON."""

from __future__ import annotations

from typing import Any, TypedDict

import httpx

from services.cli.console import fail


class Words(TypedDict):
    """A text in both languages."""

    vi: str
    en: str


class Place(TypedDict):
    """A unit, as far as the commands print it."""

    code: str
    name: str


async def get(client: httpx.AsyncClient, url: str, **parameters: object) -> Any:
    """Return the JSON of a GET; end the program with the problem's words when the service refuses it."""
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    try:
        response = await client.get(url, params=given)
    except httpx.HTTPError as error:
        raise fail(f"{url}: {error or type(error).__name__}") from None
    if response.is_error:
        raise fail(problem_text(response))
    return response.json()


def problem_text(response: httpx.Response) -> str:
    """Return the words of a problem document, or the status of an answer without one."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "title" not in document:
        return f"{response.status_code} {response.reason_phrase}".rstrip()
    errors = document.get("errors", [])
    said = "" if errors else document.get("detail", "")  # with errors the detail only repeats the first of them
    lines = [f"{response.status_code} {document['title']}: {said}".rstrip(": ")]
    lines += [f"  {error['pointer']}: {error['detail']}" for error in errors]
    return "\n".join(lines)
