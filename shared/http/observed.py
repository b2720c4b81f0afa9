"""What each door does: the time until it answers, and with which status."""

from __future__ import annotations

from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"


class Observed:
    """Middleware around all others, which counts and times every request.

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

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            route = template_of(scope)
            SECONDS.labels(method, route).observe((answered or perf_counter()) - began)
            REQUESTS.labels(method, route, str(status)).inc()


def template_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as `/v1/submissions/{submission_id}`."""
    if named := scope.get(ROUTE):
        return str(named)
    return getattr(scope.get("route"), "path", None) or _OTHER
