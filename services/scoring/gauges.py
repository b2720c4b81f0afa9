"""How far scoring is: the oldest submission that is not scored yet, and the last day that was judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nats.aio.client import Client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from services.scoring.storage.ticks import last_tick
from shared.contracts import subjects
from shared.nats.direct_get import first_after
from shared.service.gauges import Ask
from shared.service.runtime import Runtime
from shared.time import VIETNAM, utc_now


def of_unscored(nats: Client) -> Ask:
    """Return what asks how long the oldest submission has waited that is not scored yet."""

    async def ask() -> Sequence[Metric]:
        age = 0.0
        consumer = await nats.jetstream(timeout=1).consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
        if consumer.num_pending or consumer.num_ack_pending:
            floor = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
            oldest = await first_after(nats, subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS, floor)
            age = max(0.0, (utc_now() - oldest.stored_at).total_seconds()) if oldest else 0.0
        words = "Time that the oldest submission has waited that is not scored; 0: all are"
        return [GaugeMetricFamily("ntm_oldest_unscored_submission_age_seconds", words, value=age)]

    return ask


def of_tick(runtime: Runtime) -> Ask:
    """Return what asks for the last day that was judged, and how many days have come since by the service's clock."""

    async def ask() -> Sequence[Metric]:
        async with runtime.engine.connect() as connection:
            last = await last_tick(connection)
        today = runtime.clock.today()
        behind = (today - last).days if last else 0
        begins = datetime.combine(last, datetime.min.time(), VIETNAM).timestamp() if last else 0
        return [
            GaugeMetricFamily(
                "ntm_tick_last_day_timestamp_seconds", "Beginning of the last day judged; 0: none", value=begins
            ),
            GaugeMetricFamily("ntm_tick_days_behind", "Days that have come and are not judged yet", value=behind),
        ]

    return ask
