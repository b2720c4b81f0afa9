"""`/metrics`: what every door answers, how things stand now, and who may see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared.contracts import subjects
from shared.nats.publishing import publish
from shared.time import VIETNAM
from tests.builders import an_accepted_submission, as_published
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService
from tests.metrics import Scrape, scraped, told
from tests.running import START, Service, Surroundings
from tests.servers import PostgresServer
from tests.waiting import eventually

CHANNELS = ("email", "sms", "webhook", "apprise")


@asynccontextmanager
async def locked(around: Surroundings, statement: str) -> AsyncIterator[None]:
    """Keep a service from something by a lock in its database, for the block."""
    async with around.engine.begin() as connection:
        await connection.execute(text(statement))
        yield


async def test_requests_are_counted_by_the_template_of_their_route(shared_intake: Service, key: str) -> None:
    template = "/v1/submissions/{submission_id}"
    before = await scraped(shared_intake)
    async with shared_intake.client(key) as client:
        for _ in range(3):
            assert (await client.get(f"/v1/submissions/{uuid4()}")).status_code == 404
            assert (await client.get(f"/nothing/{uuid4()}")).status_code == 404
        assert (await client.request("PROPFIND", "/v1/submissions")).status_code == 405
        assert (await client.post("/v1/submissions", content=b"{")).status_code == 400

    async def more(method: str, route: str, status: str) -> float:
        now, labels = await scraped(shared_intake), {"method": method, "route": route, "status": status}
        name = "ntm_http_requests_total"
        return (now.value(name, **labels) or 0) - (before.value(name, **labels) or 0)

    async def are_counted() -> bool:
        return (
            await more("GET", template, "404") == 3
            and await more("GET", "other", "404") == 3
            and await more("POST", "/v1/submissions", "400") == 1
        )

    await eventually(are_counted)
    after = await scraped(shared_intake)
    assert (after.value("ntm_http_request_duration_seconds_count", method="GET", route=template) or 0) >= 3
    labels = after.labels("ntm_http_requests_total")
    assert "PROPFIND" not in labels
    assert not any("nothing" in label for label in labels)


async def test_only_this_machine_sees_the_metrics_or_who_has_their_token(around: Surroundings) -> None:
    closed = await around.start("intake")
    async with closed.client() as client:
        assert (await client.get("/metrics")).status_code == 200
        by_a_proxy = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert by_a_proxy.status_code == 403
    assert "NTM_METRICS_TOKEN" in by_a_proxy.json()["detail"]

    token = "a token of the tests"
    opened = await around.start("intake", NTM_METRICS_TOKEN=token)
    async with opened.client() as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert (await client.get("/metrics", headers=headers)).status_code == 401
        by_a_proxy = await client.get(
            "/metrics", headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        )
    assert by_a_proxy.status_code == 200
    assert token not in by_a_proxy.text


async def test_scoring_tells_what_waits_and_for_how_long(around: Surroundings) -> None:
    scoring = await around.start("scoring")

    async def value(name: str, **labels: str) -> float | None:
        return await told(scoring, name, **labels)

    names = (
        "ntm_oldest_unscored_submission_age_seconds",
        "ntm_outbox_messages",
        "ntm_outbox_oldest_age_seconds",
        "ntm_parked_messages",
        "ntm_tick_days_behind",
    )

    async def all_rest() -> bool:
        return [await value(name) for name in names] == [0] * len(names)

    await eventually(all_rest)
    assert await value("ntm_trouble", code="disk") == 0
    assert await value("ntm_trouble", code="backup") is None, "scoring does not look at backups"
    async with locked(around, "LOCK TABLE scoring.submission IN ACCESS EXCLUSIVE MODE"):
        await publish(around.nats, [as_published(an_accepted_submission())])

        async def waits() -> bool:
            age = await value("ntm_oldest_unscored_submission_age_seconds") or 0
            counts = [
                await value(f"ntm_consumer_{state}_messages", consumer=subjects.SCORING_CONSUMER) or 0
                for state in ("pending", "ack_pending")
            ]
            return age > 1 and sum(counts) == 1

        await eventually(waits)
    async with locked(around, "SELECT pg_advisory_xact_lock(hashtext('outbox-scoring'))"):

        async def is_kept() -> bool:
            return (await value("ntm_outbox_messages") or 0) > 0 and (
                await value("ntm_outbox_oldest_age_seconds") or 0
            ) > 0

        async with around.engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO scoring.outbox (subject, body, headers) VALUES ('ntm.v1.rules.20', '', '{}')")
            )
        await eventually(is_kept)

    async def is_parked() -> bool:  # damaged in the outbox, it is set aside
        return await value("ntm_parked_messages") == 1

    await eventually(is_parked)


async def test_the_ticks_last_day_is_that_of_the_services_clock(around: Surroundings) -> None:
    scoring = await around.start("scoring")
    tomorrow = START + timedelta(days=1)
    for day in (START, tomorrow):
        await around.set_day(day)
        begins = datetime.combine(day, datetime.min.time(), VIETNAM).timestamp()

        async def is_judged(begins: float = begins) -> bool:
            return await told(scoring, "ntm_tick_last_day_timestamp_seconds") == begins

        await eventually(is_judged)


async def test_notify_tells_notices_alerts_and_gateways_as_they_are_now(notify: NotifyService) -> None:
    service = notify.service

    async def all_rest() -> bool:
        now = await scraped(service)
        of_channels = ("ntm_notices_due", "ntm_notices_waiting", "ntm_oldest_undelivered_notice_age_seconds")
        told = [now.value(name, channel=channel) for name in of_channels for channel in CHANNELS]
        opened = now.samples.get("ntm_alerts_open", {}).values()
        refusing = now.samples.get("ntm_gateway_refusing", {}).values()
        return {*told, *opened, *refusing} == {0} and len(opened) == 6 and len(refusing) > 0

    await eventually(all_rest)
    await notify.mail_server.stop()
    await notify.publish(a_status_change())

    def left(now: Scrape) -> float:
        return sum(now.value(f"ntm_notices_{state}", channel="email") or 0 for state in ("due", "waiting"))

    async def is_refused() -> bool:
        now = await scraped(service)
        is_old = (now.value("ntm_oldest_undelivered_notice_age_seconds", channel="email") or 0) > 0
        return now.value("ntm_gateway_refusing", channel="email") == 1 and left(now) >= 1 and is_old

    await eventually(is_refused, explain=lambda: notify.log)
    await notify.mail_server.start()

    async def is_well() -> bool:
        now = await scraped(service)
        opened = now.value("ntm_alerts_open", severity="warning", acknowledged="no")
        is_out = now.value("ntm_notices_due", channel="email") == 0 and left(now) == 0
        return now.value("ntm_gateway_refusing", channel="email") == 0 and is_out and opened == 1

    await eventually(is_well, explain=lambda: notify.log)


async def test_a_gauge_that_fails_has_no_value_and_the_others_have(around: Surroundings) -> None:
    scoring = await around.start("scoring")
    async with locked(around, "LOCK TABLE scoring.outbox IN ACCESS EXCLUSIVE MODE"):

        async def is_told() -> bool:
            now = await scraped(scoring)
            others = now.value("ntm_parked_messages") == 0 and now.value("ntm_tick_days_behind") == 0
            return now.failed == {"outbox"} and now.value("ntm_outbox_messages") is None and others

        await eventually(is_told)

    async def is_back() -> bool:
        now = await scraped(scoring)
        return not now.failed and now.value("ntm_outbox_messages") == 0

    await eventually(is_back)


async def test_without_the_database_the_metrics_are_told_all_the_same(
    around: Surroundings, postgres_server: PostgresServer, migrated_database_url: str
) -> None:
    scoring = await around.start("scoring")
    url = make_url(migrated_database_url)
    admin = create_async_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false'))
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        try:
            await connection.execute(ended, {"name": url.database})

            async def is_told() -> bool:
                now = await scraped(scoring)
                waits = now.value("ntm_consumer_pending_messages", consumer=subjects.SCORING_CONSUMER)
                return now.failed == {"outbox", "parked", "tick"} and waits == 0

            await eventually(is_told)
        finally:
            await connection.execute(text(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true'))
    await admin.dispose()
