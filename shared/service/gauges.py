"""How things stand now, asked when somebody scrapes: a value that was asked for moments ago is told again.

Where an answer does not come in time there is no value, rather than an old one, and `ntm_gauge_failed` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import cast

import structlog
from nats.aio.client import Client
from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from shared.contracts import subjects
from shared.operations.catalogue import Code
from shared.operations.reporter import Operations
from shared.postgres.engine import CONNECTIONS_LIMIT
from shared.postgres.statements import table_of
from shared.service.outbox import OutboxColumns
from shared.service.parking import ParkedColumns

log = structlog.get_logger()

LAG = Histogram(
    "ntm_event_loop_lag_seconds",
    "Time by which the event loop came late to a task that was due",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

_FRESH_SECONDS = 4
_PATIENCE_SECONDS = 2
_LAG_PAUSE_SECONDS = 0.5
_BROKER_SECONDS = 1.5

type Ask = Callable[[], Awaitable[Sequence[Metric]]]
"""Finds out how something stands, by one cheap question."""


class Gauges:
    """The gauges of a process, each by its name. A value counts for some seconds, for all who scrape."""

    def __init__(self) -> None:
        self._asks: dict[str, Ask] = {}
        self._kept: dict[str, tuple[float, Sequence[Metric] | None]] = {}
        self._asking = asyncio.Lock()

    def add(self, name: str, ask: Ask) -> None:
        """Measure by this question too."""
        self._asks[name] = ask

    async def measured(self) -> Sequence[Metric]:
        """Return the values of all gauges, and which of them failed. It takes two seconds at most, and never raises."""
        async with self._asking:
            now = monotonic()
            old = [name for name in self._asks if now - self._kept.get(name, (float("-inf"),))[0] > _FRESH_SECONDS]
            answers = await asyncio.gather(*(self._ask(name) for name in old))
            self._kept.update({name: (monotonic(), answer) for name, answer in zip(old, answers, strict=True)})
            failed = GaugeMetricFamily("ntm_gauge_failed", "1 where a gauge has no value now", labels=["gauge"])
            for name in self._asks:
                failed.add_metric([name], float(self._kept[name][1] is None))
            return [failed, *(metric for name in self._asks for metric in self._kept[name][1] or ())]

    async def _ask(self, name: str) -> Sequence[Metric] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._asks[name]()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, this gauge alone has no value
            log.warning("gauge failed", gauge=name, error=type(error).__name__)
            return None


def gauge(name: str, meaning: str, values: Mapping[str, float], label: str) -> Metric:
    """Return a gauge with a value for each value of its label."""
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


async def watch_loop() -> None:
    """Measure, until cancelled, by how much the event loop comes late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_PAUSE_SECONDS
        await asyncio.sleep(_LAG_PAUSE_SECONDS)
        LAG.observe(max(0.0, loop.time() - due))


def of_consumers(nats: Client, service: str) -> Ask:
    """Return what asks how many messages wait for a service, by its consumers."""

    async def ask() -> Sequence[Metric]:
        js = nats.jetstream(timeout=_BROKER_SECONDS)
        durables = {
            durable: subjects.stream_of(family) or "" for family, durable in subjects.CONSUMERS[service].items()
        }
        infos = await asyncio.gather(*(js.consumer_info(stream, durable) for durable, stream in durables.items()))
        pending = {info.name: info.num_pending or 0 for info in infos}
        taken = {info.name: info.num_ack_pending or 0 for info in infos}
        return [
            gauge("ntm_consumer_pending_messages", "Messages that a consumer has yet to take", pending, "consumer"),
            gauge("ntm_consumer_ack_pending_messages", "Messages taken and not acknowledged yet", taken, "consumer"),
        ]

    return ask


def of_troubles(operations: Operations) -> Ask:
    """Return what looks which troubles of the system this process knows."""

    async def ask() -> Sequence[Metric]:
        standing = {code.value: float(is_raised) for code, is_raised in operations.standing.items()}
        # No service looks at backups, and a 0 would say that they are well: `ntm doctor` and the operators' mail tell.
        del standing[Code.BACKUP]
        return [gauge("ntm_trouble", "1 where the process knows this trouble of the system", standing, "code")]

    return ask


def of_connections(engine: AsyncEngine) -> Ask:
    """Return what looks at the process's connections to the database."""

    async def ask() -> Sequence[Metric]:
        pool = cast(QueuePool, engine.pool)
        states = {"in_use": pool.checkedout(), "idle": pool.checkedin()}
        limit = GaugeMetricFamily("ntm_database_connections_limit", "Most connections that a process opens")
        limit.add_metric([], CONNECTIONS_LIMIT)
        return [gauge("ntm_database_connections", "Connections to the database, by state", states, "state"), limit]

    return ask


def of_outbox(engine: AsyncEngine, outbox: type[OutboxColumns]) -> Ask:
    """Return what asks how many messages wait to be published, and for how long the oldest of them has."""
    columns = table_of(outbox).c
    oldest = func.min(columns.stored_at)
    query = select(func.count(), func.coalesce(func.extract("epoch", func.now() - oldest), 0)).select_from(
        columns.id.table
    )

    async def ask() -> Sequence[Metric]:
        async with engine.connect() as connection:
            count, age = (await connection.execute(query)).one()
        return [
            GaugeMetricFamily("ntm_outbox_messages", "Messages that wait to be published", value=count),
            GaugeMetricFamily("ntm_outbox_oldest_age_seconds", "Age of the oldest of them; 0: none", value=float(age)),
        ]

    return ask


def of_parked(engine: AsyncEngine, parked: type[ParkedColumns]) -> Ask:
    """Return what counts the messages that are parked now."""
    table = table_of(parked)
    query = select(func.count()).select_from(table).where(table.c.state == text("'parked'"))

    async def ask() -> Sequence[Metric]:
        async with engine.connect() as connection:
            count = await connection.scalar(query)
        return [GaugeMetricFamily("ntm_parked_messages", "Messages that are parked now", value=count or 0)]

    return ask
