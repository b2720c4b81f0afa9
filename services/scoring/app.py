"""Scoring, from top to bottom: submissions come in, verdicts go out, and a day that passes is judged too.

ntm.v1.submissions.>    ->  score()          ->  readings, statuses, sums, changes  ->  outbox  ->  ntm.v1.status.>
sums that have moved    ->  judge_targets()  ->  commitments, changes               ->  outbox  ->  ntm.v1.targets.>
the clock's next day    ->  tick()           ->  all that time alone changes        ->  outbox  ->  both
ntm.v1.scoring.preview  ->  preview()        ->  reply: what submissions would change
ntm.v1.scoring.replay   ->  score()          ->  reply: what became of a parked submission

Each is one transaction, and any number of processes may run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from faststream.nats import NatsResponse
from nats.aio.msg import Msg

from services.scoring.asking import api, preview, what_if_api
from services.scoring.asking.openapi import DESCRIPTION
from services.scoring.judging.changes import Moment
from services.scoring.service import Scoring
from services.scoring.storage import queries
from services.scoring.storage.tables import OutboxRow, ParkedRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.daily_tick import Ticker
from services.scoring.update.score import score
from services.scoring.update.targets import judge_targets
from shared.access.authenticator import Authenticator
from shared.access.oidc_tokens import Issuer
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.http.app import create_app
from shared.http.openapi import describe
from shared.service import replay
from shared.service.batch_processing import process
from shared.service.broker import batches, create_broker, raw_body
from shared.service.outbox import Relay
from shared.service.parking import ParkingPlace
from shared.service.polling_worker import PollingWorker
from shared.service.runtime import Runtime, background, open_runtime
from shared.settings import settings

log = structlog.get_logger()
broker = create_broker(settings(), "scoring")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "scoring") as runtime:
        relay = Relay(runtime.engine, runtime.nats, OutboxRow)

        async def judge_moved() -> int:
            async with runtime.engine.begin() as connection:
                await queries.work(connection)
                changes = await judge_targets(connection, runtime.reference, _now(runtime))
            relay.wake()
            return changes

        targets = PollingWorker("targets", judge_moved)
        ticker = Ticker(runtime, relay)
        app.state.service = Scoring(
            runtime,
            Authenticator(runtime.engine, Issuer.of(runtime.settings)),
            ParkingPlace(runtime.engine, ParkedRow, OutboxRow),
            relay,
            targets,
        )
        async with background(relay.run(), targets.run(), ticker.run()), broker:
            await broker.start()
            yield


app = create_app("NTM scoring", "Các xã đang ở đâu so với kế hoạch. / Where the communes stand.", lifespan)
app.include_router(api.router)
app.include_router(what_if_api.router)
describe(app, DESCRIPTION)


@batches(broker, subjects.ALL_SUBMISSIONS, subjects.SCORING_CONSUMER)
async def take_submissions(messages: list[Msg]) -> None:
    """Score a batch; it is acknowledged once its transaction is committed."""
    await process(subjects.SUBMISSIONS_STREAM, messages, _score_all, app.state.service.parking.park)


@broker.subscriber(subjects.replay("scoring"), queue="scoring", decoder=raw_body)
async def answer_replay(request: bytes) -> bytes:
    """Score a parked submission after all, or tell why not."""
    handles = {subjects.ALL_SUBMISSIONS: _score_all}
    return await replay.answer(app.state.service.parking, app.state.service.runtime.nats, handles, request)


@broker.subscriber(subjects.PREVIEW, queue="scoring", decoder=raw_body)
async def answer_preview(request: bytes) -> NatsResponse:
    """Tell what submissions would change; nothing of it is stored."""
    body, headers = await preview.answer(app.state.service.runtime, request)
    return NatsResponse(body, headers=headers)


async def _score_all(batch: Sequence[Msg]) -> None:
    runtime: Runtime = app.state.service.runtime
    arrivals = [_arrival(message) for message in batch]
    async with runtime.engine.begin() as connection:
        await queries.work(connection)
        await score(connection, runtime.reference, arrivals, _now(runtime))
    app.state.service.relay.wake()
    app.state.service.targets.wake()


def _now(runtime: Runtime) -> Moment:
    return Moment(on=runtime.clock.today(), at=runtime.clock.now())


def _arrival(message: Msg) -> Arrival:
    trace = (message.headers or {}).get("traceparent")
    return Arrival(AcceptedSubmission.model_validate_json(message.data), trace, message.data.decode())
