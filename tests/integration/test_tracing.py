"""One trace leads from the post of a figure to the mail that tells what followed; log lines name it too."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.client import Client

from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from tests.builders import a_posted_submission
from tests.changes import DISTRICT_OFFICE, a_status_change
from tests.integration import webhook_receiver
from tests.integration.notify_service import NotifyService, as_message, notify_service
from tests.otlp import ReceivedSpan, Receiver, receiving_spans
from tests.ports import free_port
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually
from tests.workbooks import a_csv

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving_spans() as receiver:
        yield receiver


@pytest.fixture
async def traced_notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str, receiver: Receiver
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, [DISTRICT_OFFICE]) as notify:
        notify.env.update(settings(receiver))
        await notify.start()
        yield notify


def settings(receiver: Receiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


async def report(intake: Service, key: str, period: str, poor: int, **headers: str) -> str:
    """Report the poor of a commune; return the submission's id."""
    counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    body = a_posted_submission(period=period, confirmed=True, readings=counts)
    async with intake.client(key) as client:
        answer = await client.post("/v1/submissions", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    submission: str = answer.json()["id"]
    return submission


def way_to(span: ReceivedSpan, spans: list[ReceivedSpan]) -> list[tuple[str, str]]:
    """Return the steps that led to a span, the first of them first."""
    by_id = {one.id: one for one in spans}
    steps = [span]
    while (before := by_id.get(steps[0].parent)) is not None:
        steps.insert(0, before)
    return [(one.service, one.name) for one in steps]


async def test_one_trace_leads_from_the_post_to_the_mail(
    around: Surroundings, traced_notify: NotifyService, receiver: Receiver
) -> None:
    intake = await around.start("intake", **settings(receiver))
    await around.start("scoring", **settings(receiver))
    key = await around.key("184", agency="district-184")
    await report(intake, key, "2023-05", 70)
    await traced_notify.quiet()  # a mail that told of both would be a step of the first one's trace
    await report(intake, key, "2023-06", 200, traceparent=TRACEPARENT)

    def ways() -> list[list[tuple[str, str]]]:
        spans = receiver.of_trace(TRACE)
        return [way_to(span, spans) for span in spans if span.name == "deliver email"]

    expected = [
        ("ntm-intake", "POST /v1/submissions"),
        ("ntm-scoring", "process SUBMISSIONS"),
        ("ntm-notify", "process STATUS"),
        ("ntm-notify", "deliver email"),
    ]
    await eventually(lambda: expected in ways(), explain=lambda: f"{receiver.of_trace(TRACE)}")
    mails = [span for span in receiver.of_trace(TRACE) if span.name == "deliver email"]
    assert "sent" in mails[0].attributes["ntm.outcome"]
    quoted = " ".join(f"{span.name} {span.attributes}" for span in receiver.spans)
    assert DISTRICT_OFFICE.emails[0] not in quoted
    assert key not in quoted


async def test_each_message_of_a_batch_is_a_step_of_its_own_trace(
    traced_notify: NotifyService, receiver: Receiver
) -> None:
    await traced_notify.publish(*(a_status_change() for _ in range(3)))

    def taken() -> bool:
        return len({span.trace for span in receiver.spans if span.name == "process STATUS"}) == 3

    await eventually(taken)


async def test_sms_and_webhooks_are_steps_of_the_trace_of_what_they_tell(
    traced_notify: NotifyService, receiver: Receiver
) -> None:
    async with webhook_receiver.listening(webhook_receiver.Receiver()) as hook:
        asked = {"url": hook, "unit": "184", "match": {"events": ["fell_behind"]}}
        key = await traced_notify.key("184")
        assert (await traced_notify.post("/v1/subscriptions", key, json=asked)).status_code == 201
        message = as_message(a_status_change())
        told = Message(message.subject, message.body, {**message.headers, "traceparent": TRACEPARENT})
        await publish(traced_notify.nats, [told])

        def delivered() -> set[str]:
            return {span.name for span in receiver.of_trace(TRACE) if span.name.startswith("deliver")}

        await eventually(lambda: {"deliver sms", "deliver webhook"} <= delivered(), explain=lambda: traced_notify.log)


async def test_a_request_over_nats_is_a_step_of_its_trace(around: Surroundings, receiver: Receiver) -> None:
    await around.start("intake", **settings(receiver))
    key = await around.key("184", agency="district-184")
    headers = {"Authorization": f"Bearer {key}", "traceparent": TRACEPARENT}
    await around.nats.request("ntm.v1.intake.submit", b"{}", timeout=30, headers=headers)
    [submit] = await eventually(lambda: [span for span in receiver.of_trace(TRACE) if span.parent == CALLER])
    assert submit.name == "request ntm.v1.intake.submit"


async def test_log_lines_name_the_trace_without_opentelemetry_too(around: Surroundings) -> None:
    intake = await around.start("intake", NTM_LOG_FORMAT="json")
    key = await around.key("184", agency="district-184")
    async with around.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE intake.submission RENAME TO elsewhere")
    async with intake.client(key) as client:
        failed = await client.get(f"/v1/submissions/{uuid4()}", headers={"traceparent": TRACEPARENT})
    assert failed.status_code == 503

    def told() -> list[str]:
        lines = [json.loads(line) for line in intake.log.read_text().splitlines() if line.startswith("{")]
        return [line["event"] for line in lines if line.get("trace_id") == TRACE]

    assert await eventually(told) == ["not available"]


async def test_a_receiver_that_is_away_holds_up_nothing(around: Surroundings) -> None:
    away = Receiver(f"http://127.0.0.1:{free_port()}")
    intake = await around.start("intake", **settings(away))
    key = await around.key("184", agency="district-184")
    await report(intake, key, "2023-06", 70)
    await eventually(lambda: "Failed to export" in intake.log.read_text())
    await report(intake, key, "2023-05", 80)
    await intake.stop()
    assert intake.process
    assert intake.process.returncode != -signal.SIGKILL


async def test_what_intake_asks_of_scoring_is_a_step_of_the_trace_of_the_request_that_needs_it(
    around: Surroundings, receiver: Receiver
) -> None:
    intake = await around.start("intake", **settings(receiver))
    await around.start("scoring", **settings(receiver))
    key = await around.key("184", agency="district-184")
    file = a_csv(("06280", "6/2023", 1204, 131, 88))

    async def is_previewed() -> bool:  # without statuses where scoring takes longer than intake waits for it
        async with intake.client(key) as client:
            headers = {"traceparent": TRACEPARENT, "content-type": "application/octet-stream"}
            answer = await client.post("/v1/uploads", params={"dry_run": True}, content=file, headers=headers)
        return bool(answer.json()["statuses"])

    await eventually(is_previewed)

    async with intake.client(key) as client:
        looked = await client.get("/v1/dossiers/06280/ntm", headers={"traceparent": TRACEPARENT})
    assert looked.status_code == 200, looked.text

    def asked() -> set[tuple[str, ...]]:
        spans = receiver.of_trace(TRACE)
        steps = [span for span in spans if span.service == "ntm-scoring"]
        return {tuple(name for _, name in way_to(span, spans)) for span in steps}

    expected = {
        ("POST /v1/uploads", "request ntm.v1.scoring.preview"),
        ("GET /v1/dossiers/{commune}/{set}", "request ntm.v1.scoring.judgement"),
    }
    await eventually(lambda: expected <= asked(), explain=lambda: f"{asked()}")
