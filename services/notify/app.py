"""Notify, from top to bottom: events come in, those who can act are told, and what was said is remembered.

ntm.v1.status.>    ->  tell()   ->  alert, route, render  ->  notices that are due   (one transaction)
ntm.v1.targets.>       Delivery ->  e-mail, SMS           ->  attempts, outbox       ->  ntm.v1.alerts.<unit>.<event>
ntm.v1.problems.>

ntm.v1.notify.replay  ->  tell()  ->  reply: what became of a parked event
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from faststream import AckPolicy
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from services.notify import api
from services.notify.channels import Channel
from services.notify.channels.email import Email
from services.notify.channels.sms.esms import Esms
from services.notify.notices import ChannelName
from services.notify.openapi import DESCRIPTION
from services.notify.settings import NotifySettings, settings
from services.notify.stages import Stage, World, by_role
from services.notify.stages.deliver import Delivery
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.tables import OutboxRow, ParkedRow
from services.notify.tell import read_alert, tell
from shared import replay
from shared.access import Issuer, Keys
from shared.clock import utc_now
from shared.contracts import subjects
from shared.openapi import describe
from shared.outbox import Relay
from shared.parking import ParkingPlace
from shared.reference.load import load_contacts
from shared.runtime import Runtime, background, open_runtime
from shared.web import create_app
from shared.worker import BATCHES, content, create_broker, existing, process, raw

broker = create_broker(settings(), "notify")

# What a killed process had taken comes again after this. A batch that takes longer is told twice: that changes nothing.
_PROMPT = ConsumerConfig(ack_wait=10, max_ack_pending=20_000)

# The way of an alert: these decide in the transaction that records it, then `Delivery` delivers what they left due.
PIPELINE: list[Stage] = [route, render]


def channels(own: NotifySettings) -> dict[ChannelName, Channel]:
    """The ways out that are set up."""
    found: dict[ChannelName, Channel] = {"email": Email(own)}
    if own.sms_url:
        found["sms"] = Esms(own)
    return found


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "notify") as runtime:
        ways = channels(settings())
        relay = Relay(runtime.engine, runtime.nats, OutboxRow)
        deliveries = [Delivery(name, way, runtime.engine, relay, settings()) for name, way in ways.items()]

        def wake() -> None:
            relay.wake()
            for delivery in deliveries:
                delivery.wake()

        app.state.keys = Keys(runtime.engine, Issuer.of(runtime.settings))
        app.state.runtime, app.state.wake = runtime, wake
        app.state.parking = ParkingPlace(runtime.engine, ParkedRow, OutboxRow)
        app.state.stages, app.state.world = PIPELINE, _world(runtime, ways)
        async with background(relay.run(), *(delivery.run() for delivery in deliveries)), broker:
            await broker.start()
            yield


def _world(runtime: Runtime, ways: dict[ChannelName, Channel]) -> World:
    own = settings()
    return World(
        reference=runtime.reference,
        contacts=by_role(load_contacts(own.contacts) if own.contacts else []),
        channels=frozenset(ways),
        retry_for=timedelta(seconds=own.retry_for_seconds),
        board_url=own.board_url,
    )


app = create_app("NTM notify", "Ai đã được báo điều gì, khi nào. / Who was told what, and when.", lifespan)
app.include_router(api.router)
describe(app, DESCRIPTION)


@broker.subscriber(
    subjects.ALL_STATUSES,
    durable="notify-status",
    stream=existing(subjects.STATUS_STREAM),
    pull_sub=BATCHES,
    config=_PROMPT,
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=raw,
)
async def take_statuses(messages: list[Msg]) -> None:
    """Tell of a batch of communes' changes; it is acknowledged once its transaction is committed."""
    await _take(messages)


@broker.subscriber(
    subjects.ALL_TARGETS,
    durable="notify-targets",
    stream=existing(subjects.STATUS_STREAM),
    pull_sub=BATCHES,
    config=_PROMPT,
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=raw,
)
async def take_targets(messages: list[Msg]) -> None:
    """The same for changes of the districts' and the province's commitments."""
    await _take(messages)


@broker.subscriber(
    subjects.ALL_PROBLEMS,
    durable="notify-problems",
    stream=existing(subjects.STATUS_STREAM),
    pull_sub=BATCHES,
    config=_PROMPT,
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=raw,
)
async def take_problems(messages: list[Msg]) -> None:
    """The same for difficulties that units report, and for what is answered."""
    await _take(messages)


@broker.subscriber(subjects.replay("notify"), queue="notify", decoder=content)
async def answer_replay(request: bytes) -> bytes:
    """Tell of a parked event after all, or why not."""
    handles = dict.fromkeys((subjects.ALL_STATUSES, subjects.ALL_TARGETS, subjects.ALL_PROBLEMS), _tell_all)
    return await replay.answer(app.state.parking, app.state.runtime.nats, handles, request)


async def _take(messages: Sequence[Msg]) -> None:
    await process(subjects.STATUS_STREAM, messages, _tell_all, app.state.parking.park)


async def _tell_all(batch: Sequence[Msg]) -> None:
    runtime: Runtime = app.state.runtime
    alerts = [
        read_alert(message.data, (message.headers or {}).get("traceparent"), runtime.reference) for message in batch
    ]
    async with runtime.engine.begin() as connection:
        await tell(connection, alerts, PIPELINE, app.state.world, utc_now())
    app.state.wake()
