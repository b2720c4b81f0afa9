"""Dependencies of routes: the running service, and its caller."""

from __future__ import annotations

import hmac
from typing import Annotated, Protocol, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request

from shared.access.authenticator import Authenticator
from shared.access.caller import Caller
from shared.access.rights import RIGHTS
from shared.access.sessions import SESSION_COOKIE, form_token
from shared.problems import Problem, Problems
from shared.service.runtime import Runtime
from shared.texts import filled, phrase


class Service(Protocol):
    """The parts of a service that shared routes need. Each service keeps its own object in `app.state.service`."""

    @property
    def runtime(self) -> Runtime:
        """The service's connections, clock and reference data."""
        ...

    @property
    def authenticator(self) -> Authenticator:
        """Recognises the callers."""
        ...


def service_of(request: Request) -> Service:
    """Return the service that answers the request."""
    return cast(Service, request.app.state.service)


def runtime_of(request: Request) -> Runtime:
    """Return the runtime of the service that answers the request."""
    return service_of(request).runtime


FORM_HEADER = "x-ntm-form"
"""The header in which a page sends the word of its session with whatever it writes."""

WATCHING_HEADER = "x-ntm-watching"
"""The header of what a page asks by itself again and again, by which nobody stays signed in."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


async def authenticate(request: Request) -> Caller:
    """Return the caller of a request: by a key or token in `Authorization`, else by the cookie of a session.

    A problem (401, 429 or 503) when nobody is signed in or calls too often; 403 for a person whose role may not do
    this, and for what another site's page writes with a person's cookie.
    """
    authenticator, authorization = service_of(request).authenticator, request.headers.get("authorization")
    token = request.cookies.get(SESSION_COOKIE)
    if authorization is not None or not token:
        return await authenticator.caller(authorization)
    caller = await authenticator.person(token, uses=WATCHING_HEADER not in request.headers)
    if request.method not in _READING:
        refuse_other_pages(request, token)
    route = request.scope.get("route")
    check_role(caller, f"{request.method} {route.path if route else request.url.path}")
    return caller


async def recognise(request: Request) -> None:
    """Raise problem 401 when an answer that goes on has lost its caller. It costs nothing of the rate."""
    authenticator, authorization = service_of(request).authenticator, request.headers.get("authorization")
    token = request.cookies.get(SESSION_COOKIE)
    if authorization is not None or not token:
        await authenticator.recognise(authorization)
    else:
        await authenticator.recognise_person(token, uses=False)


def refuse_other_pages(request: Request, token: str) -> None:
    """Raise problem 403 for what no page of this session has sent."""
    if not is_own_page(request, token, request.headers.get(FORM_HEADER)):
        raise Problem(Problems.OUT_OF_SCOPE, detail=phrase("access.other_page"))


def is_own_page(request: Request, token: str, word: str | None) -> bool:
    """Return whether a request comes from a page of this service that knows the session's word."""
    return is_own_origin(request) and hmac.compare_digest((word or "").encode(), form_token(token).encode())


def is_own_origin(request: Request) -> bool:
    """Return whether the request comes from a page of this service: of this host and this port."""
    origin = urlsplit(request.headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc.lower() == request.headers.get("host", "").lower()


def check_role(caller: Caller, operation: str) -> None:
    """Raise problem 403 for a person whose role may not do this; an operation without rights is nobody's."""
    right = RIGHTS.get(operation)
    if caller.role is not None and (right is None or caller.role not in right.people):
        raise Problem(Problems.OUT_OF_SCOPE, detail=filled(phrase("access.role_may_not"), role=caller.role))


SignedIn = Annotated[Caller, Depends(authenticate)]
"""The caller, who has to be signed in."""

Running = Annotated[Runtime, Depends(runtime_of)]
"""The runtime of the service that answers."""
