"""Notify, from top to bottom: events come in, those who can act are told, and what was said is remembered.

ntm.v1.status.>    ->  tell()      ->  alerts, gathered or told at once   (one transaction)
ntm.v1.targets.>
ntm.v1.problems.>
ntm.v1.parked.>
                       tell_gathered()  what has waited long enough       ->  notices that are due
                       escalate()       what nobody has acknowledged      ->  the next role hears of it
                       Delivery         e-mail, SMS, webhooks, Apprise    ->  attempts, outbox
                                                                          ->  ntm.v1.alerts.<unit>.<event>

ntm.v1.notify.replay  ->  tell()  ->  reply: what became of a parked event
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import structlog
from fastapi import FastAPI
from nats.aio.msg import Msg

from services.notify.alerts.events import read_alert
from services.notify.alerts.links import Links
from services.notify.api import ROUTERS
from services.notify.api.openapi import DESCRIPTION
from services.notify.delivery.channels.configured import channels
from services.notify.delivery.follow_up import Watcher
from services.notify.delivery.worker import Delivery
from services.notify.inspect.gaps import gaps
from services.notify.routing.tree import Tree
from services.notify.service import Notify, UseCase
from services.notify.settings import NotifySettings, settings
from services.notify.sms_text import Style
from services.notify.stages.group import group
from services.notify.stages.hold import hold
from services.notify.stages.inhibit import inhibit
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.stages.settle import settle
from services.notify.stages.silence import silence
from services.notify.storage.contacts import bring_contacts
from services.notify.storage.tables import OutboxRow, ParkedRow
from services.notify.telling.hand_over import Handover
from services.notify.telling.tell import Pipeline, escalate, tell, tell_gathered
from services.notify.telling.world_reader import Situation
from services.notify.world import Tariff, World
from shared.access.authenticator import Authenticator
from shared.access.oidc_tokens import Issuer
from shared.contracts import subjects
from shared.contracts.alert import ChannelName
from shared.http.app import create_app
from shared.http.openapi import describe
from shared.reference.load import load_contacts
from shared.service import replay
from shared.service.batch_processing import process
from shared.service.broker import batches, create_broker, raw_body
from shared.service.outbox import Relay
from shared.service.parking import ParkingPlace
from shared.service.polling_worker import PollingWorker
from shared.service.runtime import Runtime, background, open_runtime
from shared.time import utc_now

log = structlog.get_logger()

broker = create_broker(settings(), "notify")

# What is told: communes' changes, the districts' and the province's commitments, difficulties and their answers, and
# messages that a service could not process, which the operators have to know. Each by its durable consumer.
FAMILIES = {
    subjects.ALL_STATUSES: "notify-status",
    subjects.ALL_TARGETS: "notify-targets",
    subjects.ALL_PROBLEMS: "notify-problems",
    subjects.ALL_PARKED: "notify-parked",
}

# What is said on ntm.v1.alerts… goes out together after so many seconds, and so in nobody's way to be told.
_PAUSE = 0.02
_SAID = 20

# The way of an alert. What arrives is routed and, where its branch groups, joined and held; when its time has come what
# is left of it is told: settled, inhibited, silenced, rendered. `Delivery` then delivers, retries and logs.
ARRIVING = [route, group, hold]
TELLING = [settle, inhibit, silence, render]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "notify") as runtime:
        own, ways = settings(), channels(settings())
        relay = Relay(runtime.engine, runtime.nats, OutboxRow, pause_seconds=_PAUSE)
        links = _links(own)
        pipeline = Pipeline(ARRIVING, TELLING, Situation(_world(runtime, own, frozenset(ways), links)))
        watcher = Watcher(pipeline, runtime.reference)
        deliveries = {
            name: Delivery(name, way, runtime.engine, relay, own, watcher, links) for name, way in ways.items()
        }

        async def telling(use_case: UseCase) -> int:
            """One transaction in which something is told; what it leaves due goes out once that is committed."""
            handover = Handover(deliveries)
            async with runtime.engine.begin() as connection:
                done = await use_case(connection, replace(pipeline, handover=handover), utc_now())
            handover.give()
            if handover.gathers:
                gathered.wake()
            if done:
                relay.wake()
            return done

        def wake() -> None:
            for one in works:
                one.wake()

        gathered = PollingWorker("gathered", lambda: telling(tell_gathered))
        escalation = PollingWorker("escalation", lambda: telling(escalate))
        app.state.service = Notify(
            runtime,
            Authenticator(runtime.engine, Issuer.of(runtime.settings)),
            ParkingPlace(runtime.engine, ParkedRow, OutboxRow),
            pipeline,
            telling,
            wake,
        )
        await _import(runtime, own)
        await _warn_of_gaps(runtime, pipeline)
        works: Sequence[PollingWorker | Delivery] = (relay, gathered, escalation, *deliveries.values())
        async with background(*(work.run() for work in works)), broker:
            await broker.start()
            yield


def _world(runtime: Runtime, own: NotifySettings, ways: frozenset[ChannelName], links: Links | None) -> World:
    return World(
        reference=runtime.reference,
        tree=Tree.of(runtime.reference.plan),
        contacts={},
        channels=ways,
        retry_for=timedelta(seconds=own.retry_for_seconds),
        board_url=own.board_url,
        wait_share=own.wait_share,
        links=links,
        tariff=Tariff(own.sms_price_dong, own.sms_daily_budget_dong),
        sms=Style(own.sms_diacritics, own.sms_parts),
    )


def _links(own: NotifySettings) -> Links | None:
    """Links need a secret and an address at which they can be opened."""
    return Links(own.link_secret, own.public_url) if own.link_secret and own.public_url else None


async def _import(runtime: Runtime, own: NotifySettings) -> None:
    """The contacts of the file that this was started with, beside those that are known."""
    if own.contacts:
        async with runtime.engine.begin() as connection:
            await bring_contacts(connection, load_contacts(own.contacts), utc_now())


async def _warn_of_gaps(runtime: Runtime, pipeline: Pipeline) -> None:
    """Roles that the plan tells and nobody answers for are said before somebody misses a notice."""
    async with runtime.engine.connect() as connection:
        world = await pipeline.situation.world(connection, utc_now())
    if found := gaps(world, runtime.clock.today()):
        some = [f"{gap.recipient} by {gap.channel}: {gap.reason.value.en}" for gap in found[:_SAID]]
        log.warning(
            "roles without contact", count=len(found), some=some, remedy="ntm contacts gaps; ntm contacts import"
        )


app = create_app("NTM notify", "Ai đã được báo điều gì, khi nào. / Who was told what, and when.", lifespan)
for router in ROUTERS:
    app.include_router(router)
describe(app, DESCRIPTION)


async def take(messages: list[Msg]) -> None:
    """Tell of a batch of events; it is acknowledged once its transaction is committed."""
    await process(subjects.STATUS_STREAM, messages, _tell_all, app.state.service.parking.park)


for family, durable in FAMILIES.items():
    batches(broker, family, durable)(take)


@broker.subscriber(subjects.replay("notify"), queue="notify", decoder=raw_body)
async def answer_replay(request: bytes) -> bytes:
    """Tell of a parked event after all, or why not."""
    handles = dict.fromkeys(FAMILIES, _tell_all)
    return await replay.answer(app.state.service.parking, app.state.service.runtime.nats, handles, request)


async def _tell_all(batch: Sequence[Msg]) -> None:
    runtime: Runtime = app.state.service.runtime
    alerts = [
        read_alert(message.data, (message.headers or {}).get("traceparent"), runtime.reference) for message in batch
    ]
    await app.state.service.telling(lambda connection, pipeline, now: tell(connection, alerts, pipeline, now))
