"""Scoring, from top to bottom: submissions come in, verdicts go out, and a day that passes is judged too.

ntm.v1.submissions.>    ->  score()    ->  readings, statuses, targets, changes  ->  outbox  ->  ntm.v1.status.>
the clock's next day    ->  tick()     ->      (one transaction each)            ->  outbox  ->  ntm.v1.targets.>
ntm.v1.scoring.preview  ->  preview()  ->  reply: what submissions would change
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from faststream import AckPolicy
from faststream.nats import NatsResponse
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from services.scoring import api, preview
from services.scoring.changes import Moment
from services.scoring.openapi import DESCRIPTION
from services.scoring.score import Arrival, score
from services.scoring.tables import OutboxRow, ParkedRow
from services.scoring.ticker import Ticker
from shared.access import Issuer, Keys
from shared.contracts import AcceptedSubmission, subjects
from shared.openapi import describe
from shared.outbox import Relay
from shared.parking import park_in
from shared.runtime import Runtime, background, open_runtime
from shared.settings import settings
from shared.web import create_app
from shared.worker import BATCHES, content, create_broker, existing, process, raw

log = structlog.get_logger()
broker = create_broker(settings(), "scoring")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "scoring") as runtime:
        relay = Relay(runtime.engine, runtime.nats, OutboxRow)
        ticker = Ticker(runtime, relay)
        app.state.runtime, app.state.keys, app.state.relay = (
            runtime,
            Keys(runtime.engine, Issuer.of(runtime.settings)),
            relay,
        )
        async with background(relay.run(), ticker.run()), broker:
            await broker.start()
            yield


app = create_app("NTM scoring", "Các xã đang ở đâu so với kế hoạch. / Where the communes stand.", lifespan)
app.include_router(api.router)
describe(app, DESCRIPTION)


@broker.subscriber(
    subjects.ALL_SUBMISSIONS,
    durable=subjects.SCORING_CONSUMER,
    stream=existing(subjects.SUBMISSIONS_STREAM),
    pull_sub=BATCHES,
    config=ConsumerConfig(ack_wait=10, max_ack_pending=20_000),
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=raw,
)
async def take_submissions(messages: list[Msg]) -> None:
    """Score a batch; it is acknowledged once its transaction is committed."""
    runtime: Runtime = app.state.runtime

    async def score_all(batch: Sequence[Msg]) -> None:
        arrivals = [_arrival(message) for message in batch]
        moment = Moment(on=runtime.clock.today(), at=runtime.clock.now())
        async with runtime.engine.begin() as connection:
            await score(connection, runtime.reference, arrivals, moment)
        app.state.relay.wake()

    await process(subjects.SUBMISSIONS_STREAM, messages, score_all, park_in(runtime.engine, ParkedRow, OutboxRow))


@broker.subscriber(subjects.PREVIEW, queue="scoring", decoder=content)
async def answer_preview(request: bytes) -> NatsResponse:
    """Tell what submissions would change; nothing of it is stored."""
    body, headers = await preview.answer(app.state.runtime, request)
    return NatsResponse(body, headers=headers)


def _arrival(message: Msg) -> Arrival:
    trace = (message.headers or {}).get("traceparent")
    return Arrival(AcceptedSubmission.model_validate_json(message.data), trace)
