"""People who are signed in: accounts with passwords that are not first ones, and clients that hold a session."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.accounts import Person, add_account
from shared.access.caller import EVERYTHING, Role
from shared.access.sessions import SESSION_COOKIE, form_token
from tests.http_client import http_client

PASSWORD = "trâu ăn cỏ bờ đê"


async def an_account(
    engine: AsyncEngine,
    name: str,
    *units: str,
    role: Role = "unit",
    criteria: Sequence[str] = (EVERYTHING,),
    agency: str = "tests",
    first: bool = False,
) -> str:
    """Make an account; return its password, a first one where asked."""
    person = Person(name, f"Người {name}", agency, agency, role, units, tuple(criteria))
    return await add_account(engine, person, None if first else PASSWORD)


async def post_form(client: httpx.AsyncClient, path: str, origin: str | None = None, **fields: str) -> httpx.Response:
    """Send a form as a page of the client's own origin does."""
    return await client.post(path, data=fields, headers={"Origin": origin or str(client.base_url).rstrip("/")})


@asynccontextmanager
async def signed_in(url: str, name: str, password: str = PASSWORD) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client in which a person is signed in, which writes as the person's page does."""
    async with http_client(url) as client:
        answer = await post_form(client, "/sign-in", name=name, password=password)
        assert answer.status_code == 303, re.sub(r"<[^>]+>", "", answer.text)
        client.headers.update(page_headers(client))
        yield client


def show_as(client: httpx.AsyncClient, token: str) -> None:
    """Make the client write as the page of a person does whose session began at another service."""
    client.cookies.set(SESSION_COOKIE, token)
    client.headers.update(page_headers(client))


def page_headers(client: httpx.AsyncClient) -> dict[str, str]:
    """Return what a page sends with what it writes."""
    return {"Origin": str(client.base_url).rstrip("/"), "X-NTM-Form": form_token(client.cookies[SESSION_COOKIE])}
