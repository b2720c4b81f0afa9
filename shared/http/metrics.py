"""The route `/metrics`, for Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.http.dependencies import runtime_of
from shared.problems import Problem, Problems
from shared.settings import Settings
from shared.texts import phrase

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Answer with the metrics of this process, in Prometheus' text format."""
    runtime = runtime_of(request)
    check_scraper(request, runtime.settings)
    now = await runtime.gauges.measured()
    return Response(generate_latest(REGISTRY) + generate_latest(_Told(now)), media_type=CONTENT_TYPE_LATEST)


def check_scraper(request: Request, settings: Settings) -> None:
    """Raise problem 401 or 403 for whoever may not see the metrics.

    With `NTM_METRICS_TOKEN` its holder may. Without, only who calls from the same machine and by no proxy: behind a
    proxy everybody would. Keys and sessions do not count, since the database that knows them may be away.
    """
    if settings.metrics_token is None:
        if not _is_same_machine(request):
            raise Problem(Problems.OUT_OF_SCOPE, detail=phrase("metrics.closed"))
        return
    given = request.headers.get("authorization", "")
    expected = f"Bearer {settings.metrics_token.get_secret_value()}"
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem(Problems.NO_KEY, detail=phrase("metrics.token"), headers={"WWW-Authenticate": "Bearer"})


def _is_same_machine(request: Request) -> bool:
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class _Told(Collector):
    """Metrics that were measured a moment ago, as `generate_latest` takes them."""

    def __init__(self, measured: Sequence[Metric]) -> None:
        self._measured = measured

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._measured
