"""Dependencies of routes: the running service, and its caller."""

from __future__ import annotations

from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from shared.access.authenticator import Authenticator
from shared.access.caller import Caller
from shared.service.runtime import Runtime


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


async def authenticate(request: Request) -> Caller:
    """Return the caller of a request; a problem (401, 429 or 503) when nobody is signed in or calls too often."""
    return await service_of(request).authenticator.caller(request.headers.get("authorization"))


SignedIn = Annotated[Caller, Depends(authenticate)]
"""The caller, who has to be signed in."""

Running = Annotated[Runtime, Depends(runtime_of)]
"""The runtime of the service that answers."""
