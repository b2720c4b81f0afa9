"""How notify stands: notices that are not out yet, alerts that are open, and gateways that refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify.storage.alerts import open_counts
from services.notify.storage.notices import undelivered
from shared.contracts.alert import ChannelName, Severity
from shared.service.gauges import Ask, gauge
from shared.time import utc_now

_CHANNELS: Sequence[str] = get_args(ChannelName.__value__)


def of_notices(engine: AsyncEngine) -> Ask:
    """Return what asks, by channel, how many notices are due or wait for another try, and how old the oldest is."""

    async def ask() -> Sequence[Metric]:
        now = utc_now()
        async with engine.connect() as connection:
            found = {row.channel: row for row in await undelivered(connection, now)}
        due = {name: found[name].due if name in found else 0 for name in _CHANNELS}
        later = {name: found[name].later if name in found else 0 for name in _CHANNELS}
        ages = {name: found[name].oldest_seconds if name in found else 0 for name in _CHANNELS}
        return [
            gauge("ntm_notices_due", "Notices that are to go out now", due, "channel"),
            gauge("ntm_notices_waiting", "Notices that wait for another try", later, "channel"),
            gauge("ntm_oldest_undelivered_notice_age_seconds", "Age of the oldest notice not out yet", ages, "channel"),
        ]

    return ask


def of_alerts(engine: AsyncEngine) -> Ask:
    """Return what counts the open alerts."""

    async def ask() -> Sequence[Metric]:
        async with engine.connect() as connection:
            counts = await open_counts(connection)
        words = "Alerts that are open, by severity and whether somebody has acknowledged them"
        family = GaugeMetricFamily("ntm_alerts_open", words, labels=["severity", "acknowledged"])
        for severity in Severity:
            for acknowledged in (False, True):
                label = "yes" if acknowledged else "no"
                family.add_metric([severity.value, label], counts.get((severity.value, acknowledged), 0))
        return [family]

    return ask


def of_gateways(refusing: Callable[[], Mapping[str, bool]]) -> Ask:
    """Return what looks which channels' gateways refuse or are away, as this process has found them."""

    async def ask() -> Sequence[Metric]:
        states = {name: float(refuses) for name, refuses in refusing().items()}
        return [gauge("ntm_gateway_refusing", "1 where a channel's gateway refuses or is away", states, "channel")]

    return ask
