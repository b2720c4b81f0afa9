"""The way to the issuer and back: `/sign-in/issuer` and `/sign-in/issued`, where people sign in at an issuer."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Self

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from shared.access.issuer_sign_in import IssuerSignIn
from shared.access.sign_in import RefusedError, sign_in_proved
from shared.contracts.bilingual import Bilingual
from shared.http.dependencies import runtime_of, service_of
from shared.page.ways import Next, own_path, see, with_session
from shared.problems import Problem, Problems
from shared.texts import phrase

_COOKIE = "ntm_issuer"
_PATH = "/sign-in"
_SECONDS = 600

type Ask = Callable[[Request, str, Bilingual], Response]
"""Draws the page of signing in, with what went wrong."""


class Journey(BaseModel):
    """What a browser keeps while it is at the issuer."""

    secret: str
    path: str
    """The path to go on to afterwards."""
    origin: str
    """The origin by which the browser knows this service."""

    @classmethod
    def begun(cls, request: Request, path: str) -> Self:
        """Return a new journey. `Referer` names the page of signing in, and so TLS, also behind a proxy."""
        host = request.headers.get("host", "")
        is_tls = request.url.scheme == "https" or request.headers.get("referer", "").startswith(f"https://{host}/")
        return cls(secret=secrets.token_urlsafe(32), path=path, origin=f"{'https' if is_tls else 'http'}://{host}")

    @classmethod
    def kept(cls, request: Request) -> Self | None:
        """Return the journey on which the browser is; None: on none that began at this service."""
        try:
            journey = cls.model_validate_json(bytes.fromhex(request.cookies.get(_COOKIE, "")))
        except (ValidationError, ValueError):
            return None
        return journey if journey.origin.partition("://")[2] == request.headers.get("host", "") else None

    @property
    def back(self) -> str:
        """The address to which the issuer sends the browser back; it has to know it."""
        return f"{self.origin}{_PATH}/issued"

    @property
    def is_tls(self) -> bool:
        """Whether the browser speaks TLS."""
        return self.origin.startswith("https:")

    def keep(self, answer: Response) -> None:
        """Have the browser keep the journey."""
        text = self.model_dump_json().encode().hex()
        answer.set_cookie(
            _COOKIE, text, max_age=_SECONDS, path=_PATH, httponly=True, samesite="lax", secure=self.is_tls
        )


def issuer_router(ask: Ask) -> APIRouter:
    """Return the routes to the issuer and back."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/issuer")
    async def get_issuer(request: Request, next: Next = "/") -> Response:  # noqa: A002
        """Send the browser to the issuer."""
        issuer, journey = _issuer(request), Journey.begun(request, own_path(next))
        try:
            answer = see(await issuer.address(journey.secret, journey.back))
        except RefusedError as error:
            return ask(request, journey.path, error.words)
        journey.keep(answer)
        return answer

    @router.get("/sign-in/issued")
    async def get_issued(request: Request) -> Response:
        """Sign in whom the issuer has sent back."""
        issuer, journey = _issuer(request), Journey.kept(request)
        if journey is None:
            return ask(request, "/", phrase("access.issuer_again"))
        path = own_path(journey.path)
        try:
            name = await issuer.name(journey.secret, journey.back, request.query_params)
            token = await sign_in_proved(runtime_of(request).engine, name)
        except RefusedError as error:
            answer = ask(request, path, error.words)
        else:
            answer = await with_session(see(path), request, token, is_tls=journey.is_tls)
        answer.delete_cookie(_COOKIE, path=_PATH)
        return answer

    return router


def _issuer(request: Request) -> IssuerSignIn:
    issuer = service_of(request).authenticator.issuer_sign_in
    if issuer is None:
        raise Problem(Problems.NOT_FOUND)
    return issuer
