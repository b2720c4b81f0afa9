"""Notify, from top to bottom: it takes events, tells the people who can act, and records every notice.

ntm.v1.status.>    ->  tell()      ->  alerts, gathered or told at once   (one transaction)
ntm.v2.status.>
ntm.v1.targets.>
ntm.v2.targets.>
ntm.v1.problems.>
ntm.v1.dossiers.>
ntm.v1.reports.>
ntm.v1.parked.>
ntm.v1.rules.>
                       tell_gathered()  alerts that waited long enough    ->  notices that are due
                       tell_silenced()  alerts whose silence has ended    ->  alerts on their way, as on arrival
                       escalate()       alerts that nobody acknowledged   ->  the next role hears of them
                       tell_the_rest()  what a rebuild found untold       ->  alerts on their way, as on arrival
                       DeliveryWorker   e-mail, SMS, webhooks, Apprise    ->  attempts, outbox
                                                                          ->  ntm.v1.alerts.<unit>.<event>

ntm.v1.operations.>   ->  Operators.hear()  ->  Operators.tell()           ->  the operators of the settings

the mailbox of answers  ->  take_answer()  ->  an acknowledgement, or a note, or a record of why it is neither

ntm.v1.notify.replay  ->  tell_again()  ->  reply: the outcome for a parked event
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from nats.aio.msg import Msg

from services.notify.api import ROUTERS
from services.notify.api.openapi import DESCRIPTION
from services.notify.service import Notify
from services.notify.settings import settings
from services.notify.stages.group import group
from services.notify.stages.hold import hold
from services.notify.stages.inhibit import inhibit
from services.notify.stages.render import render
from services.notify.stages.route import route
from services.notify.stages.settle import settle
from services.notify.stages.silence import silence
from shared.contracts import subjects
from shared.http.app import create_app
from shared.http.ending import Ending
from shared.http.held_back import HeldBack
from shared.http.observed import Observed
from shared.http.openapi import describe
from shared.service.batch_processing import process
from shared.service.broker import batches, create_broker, raw_body, start
from shared.service.replay import answer_replay
from shared.service.runtime import background
from shared.service.wholeness import once_whole

broker = create_broker(settings(), "notify")

# The events that notify tells of: communes' changes, commitments of districts and the province, difficulties and their
# answers, steps of dossiers, messages that a service could not process, other rules. Changes come twice where their
# plan is in force: the second one is known already.
FAMILIES = {
    family: durable for family, durable in subjects.CONSUMERS["notify"].items() if family != subjects.ALL_OPERATIONS
}

# The way of an alert. On arrival the first stages route it and, where its branch groups, join it with others and hold
# it. When its time has come, the last stages leave out alerts that are settled, inhibited or silenced, and render the
# rest. `DeliveryWorker` then delivers the notices, retries and logs.
ARRIVING = [route, group, hold]
TELLING = [settle, inhibit, silence, render]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run notify while the application does; its work begins once its tables are whole."""
    async with (
        Notify.running(settings(), ARRIVING, TELLING) as app.state.service,
        once_whole(notify().wholeness, work),
    ):
        yield


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Run the workers and subscribers while the block does."""
    async with (
        background(
            notify().runtime.in_use.run(),
            notify().watch(),
            notify().read_answers(),
            *(worker.run() for worker in notify().workers),
        ),
        broker,
    ):
        await start(broker, notify().runtime.nats)
        yield


app = create_app("NTM notify", "Ai đã được báo điều gì, khi nào. / The notices that people got, and when.", lifespan)
for router in ROUTERS:
    app.include_router(router)
describe(app, DESCRIPTION)
app.add_middleware(HeldBack)
app.add_middleware(Ending)
app.add_middleware(Observed)


def notify() -> Notify:
    """Return the running service."""
    service: Notify = app.state.service
    return service


async def take(messages: list[Msg]) -> None:
    """Tell of a batch of events, and acknowledge the batch once its transaction is committed."""
    await process(subjects.STATUS_STREAM, messages, notify().tell, notify().parking.park, notify().runtime.proof)


for family, durable in FAMILIES.items():
    batches(broker, family, durable)(take)


@batches(broker, subjects.ALL_OPERATIONS, subjects.OPERATIONS_CONSUMER)
async def take_troubles(messages: list[Msg]) -> None:
    """Remember what services report of the system itself."""
    await process(
        subjects.OPERATIONS_STREAM, messages, notify().operators.hear, notify().parking.park, notify().runtime.proof
    )


@broker.subscriber(subjects.replay("notify"), queue="notify", decoder=raw_body)
async def take_replay(request: bytes) -> bytes:
    """Tell of a parked event once more, and reply with the outcome."""
    parking, runtime = notify().parking, notify().runtime
    return await answer_replay(parking, runtime.nats, notify().handlers, request, runtime.proof)
