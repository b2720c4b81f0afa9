"""Each door measures how long it takes to answer, and with which status, and is a step of a trace."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.nats.cloud_events import CURRENT_TRACE, TRACE
from shared.service.tracing import traced

_LABELS = ["method", "route"]
SECONDS = Histogram(
    "ntm_http_request_duration_seconds",
    "Time until the answer to a request began, by the template of its route",
    _LABELS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUESTS = Counter("ntm_http_requests", "Requests answered, by the template of their route", [*_LABELS, "status"])

ROUTE = "ntm.route"
"""The key of a request's scope at which a door that is no route of the framework names its template."""

TRACE_AT = "ntm.trace"
"""The key of a request's scope with its trace context, for what is done when the request has failed."""

_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_TRACE = TRACE.encode()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"


class Observed:
    """Middleware around all others, which counts and times every request, and makes it a step of its trace.

    A path that no route has, or a method that HTTP does not know, counts as `other`: callers make no new labels. A
    request that ends without an answer counts as 500, which the server then answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note when and how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500
        answered: float | None = None

        async def noting(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], perf_counter()  # a live answer may go on for hours
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        is_probe = scope["path"] in _PROBES
        with nullcontext() if is_probe else traced(method, "SERVER", _given_trace(scope)) as span:
            scope[TRACE_AT] = CURRENT_TRACE.get()
            try:
                await self._app(scope, receive, noting)
            finally:
                route = template_of(scope)
                seconds, answers = _counted(method, route, status)
                seconds.observe((answered or perf_counter()) - began)
                answers.inc()
                if span:
                    span.update_name(f"{method} {route}")
                    span.set_attributes(
                        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    )


@cache
def _counted(method: str, route: str, status: int) -> tuple[Histogram, Counter]:
    """Return the two metrics with their labels, which are few; looking them up takes longer than counting."""
    return SECONDS.labels(method, route), REQUESTS.labels(method, route, str(status))


def _given_trace(scope: Scope) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == _TRACE), None)


def template_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as `/v1/submissions/{submission_id}`."""
    if named := scope.get(ROUTE):
        return str(named)
    return getattr(scope.get("route"), "path", None) or _OTHER
