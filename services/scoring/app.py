"""Scoring, from top to bottom: submissions come in, verdicts go out, and a day that passes is judged too.

ntm.v1.submissions.>    ->  score()          ->  readings, statuses, sums, changes  ->  outbox  ->  ntm.v1.status.>
ntm.v1.withdrawals.>    ->  take_back()      ->  the same, by the figures that are left
ntm.v1.reviews.>        ->  take_back()      ->  the same, where a submission was returned
sums that have moved    ->  judge_targets()  ->  commitments, changes               ->  outbox  ->  ntm.v1.targets.>
the clock's next day    ->  tick()           ->  the changes that time alone makes  ->  outbox  ->  both
ntm.v1.reference.>      ->  rebuild()        ->  the changes that new rules make    ->  outbox  ->  both, ntm.v1.rules.>
ntm.v1.scoring.preview  ->  preview()        ->  reply: the changes that submissions would make
ntm.v1.scoring.judgement  ->  judgement_of()  ->  reply: how a commune stands by a criteria set
ntm.v1.scoring.replay   ->  score()          ->  reply: the outcome of a parked submission

Each is one transaction (a batch of submissions two, where other processes hold some of its units), and any number of
processes may run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from faststream.nats import NatsResponse
from nats.aio.msg import Msg

from services.scoring import web
from services.scoring.asking import (
    borders,
    changes,
    communes,
    difficulties,
    export,
    judgement,
    nearest,
    plan_findings,
    preview,
    recognitions,
    reports,
    series,
    statuses,
    summary,
    targets,
    tile_map,
    unacknowledged,
    what_if,
)
from services.scoring.asking.openapi import DESCRIPTION
from services.scoring.service import Scoring
from services.scoring.settings import settings
from shared.contracts import subjects
from shared.http import me
from shared.http.app import create_app
from shared.http.ending import Ending
from shared.http.held_back import HeldBack
from shared.http.observed import Observed
from shared.http.openapi import describe
from shared.service.batch_processing import process
from shared.service.broker import batches, create_broker, raw_body, raw_message, start
from shared.service.replay import answer_replay
from shared.service.runtime import background
from shared.service.tracing import answering, trace_of
from shared.service.wholeness import once_whole

broker = create_broker(settings(), "scoring")

CONSUMERS = subjects.CONSUMERS["scoring"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run scoring while the application does; its work begins once its tables are whole."""
    async with Scoring.running(settings()) as app.state.service, once_whole(scoring().wholeness, work):
        yield


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Run the workers and subscribers while the block does."""
    async with background(scoring().watch(), *(worker.run() for worker in scoring().workers)), broker:
        await start(broker, scoring().runtime.nats)
        yield


app = create_app("NTM scoring", "Các xã đang ở đâu so với kế hoạch. / Where the communes stand.", lifespan)
for part in (
    web,
    me,
    summary,
    tile_map,
    borders,
    statuses,
    communes,
    changes,
    series,
    recognitions,
    targets,
    difficulties,
    unacknowledged,
    plan_findings,
    what_if,
    nearest,
    reports,
    export,
):
    app.include_router(part.router)
describe(app, DESCRIPTION)
app.add_middleware(HeldBack)
app.add_middleware(Ending)
app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)  # not what is sent live
app.add_middleware(Observed)


def scoring() -> Scoring:
    """Return the running service."""
    service: Scoring = app.state.service
    return service


@batches(broker, subjects.ALL_SUBMISSIONS, CONSUMERS[subjects.ALL_SUBMISSIONS])
async def take_submissions(messages: list[Msg]) -> None:
    """Score a batch; it is acknowledged once its transaction is committed."""
    await process(
        subjects.SUBMISSIONS_STREAM, messages, scoring().score, scoring().parking.park, scoring().runtime.proof
    )


@batches(broker, subjects.ALL_WITHDRAWALS, CONSUMERS[subjects.ALL_WITHDRAWALS])
@batches(broker, subjects.ALL_REVIEWS, CONSUMERS[subjects.ALL_REVIEWS])
async def take_submissions_back(messages: list[Msg]) -> None:
    """Judge again without withdrawn submissions, and with the remark at returned ones."""
    await process(
        subjects.SUBMISSIONS_STREAM, messages, scoring().take_back, scoring().parking.park, scoring().runtime.proof
    )


@broker.subscriber(subjects.PREVIEW, queue="scoring", decoder=raw_message)
async def answer_preview(request: Msg) -> NatsResponse:
    """Tell what submissions would change; nothing of it is stored."""
    with answering(subjects.PREVIEW, trace_of(request)):
        body, headers = await preview.answer(scoring().runtime, request.data)
    return NatsResponse(body, headers=headers)


@broker.subscriber(subjects.JUDGEMENT, queue="scoring", decoder=raw_message)
async def answer_judgement(request: Msg) -> NatsResponse:
    """Tell how a commune stands by a criteria set, for an office that assesses it."""
    with answering(subjects.JUDGEMENT, trace_of(request)):
        body, headers = await judgement.answer(scoring().runtime, request.data)
    return NatsResponse(body, headers=headers)


@broker.subscriber(subjects.replay("scoring"), queue="scoring", decoder=raw_body)
async def take_replay(request: bytes) -> bytes:
    """Score a parked submission after all, or tell why not."""
    handlers = {
        subjects.ALL_SUBMISSIONS: scoring().score,
        subjects.ALL_WITHDRAWALS: scoring().take_back,
        subjects.ALL_REVIEWS: scoring().take_back,
    }
    return await answer_replay(scoring().parking, scoring().runtime.nats, handlers, request, scoring().runtime.proof)
