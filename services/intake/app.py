"""Intake, from top to bottom: what is sent comes in, is checked and signed in, and goes out on the broker.

POST /v1/submissions        \\
POST /v1/uploads             }  ->  GroupCommit  -> ntm.v1.submissions.<district>.<commune> a receipt once it is on disk
ntm.v1.intake.submit        /             ->  ntm.v1.refusals.<agency>                  what was refused, and why
POST /v1/submissions/…/review             ->  ntm.v1.reviews.<district>.<commune>       and the figures' new stage
POST /v1/problems                         ->  ntm.v1.problems.<unit>

SUBMISSIONS, REFUSALS, STATUS  ->  project  ->  tables  ->  receipts, what stands, difficulties: GET
ntm.v1.intake.replay           ->  project  ->  reply: what became of a parked message
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from faststream.nats import NatsResponse
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import web
from services.intake.admission.accept import Intake
from services.intake.admission.group_commit import GroupCommit
from services.intake.doors import difficulties, receipts, reviews, uploads
from services.intake.doors.catalogue import Catalogue, catalogue
from services.intake.doors.http import SubmissionsDoor
from services.intake.doors.nats import submit
from services.intake.doors.openapi import DESCRIPTION
from services.intake.projection import project
from services.intake.projection.catch_up import PROBLEMS, REFUSALS, SUBMISSIONS
from services.intake.projection.scoring_progress import Progress
from services.intake.storage.tables import ParkedRow
from shared.access.authenticator import Authenticator
from shared.access.caller import Caller
from shared.access.oidc_tokens import Issuer
from shared.contracts import subjects
from shared.http import me
from shared.http.app import create_app
from shared.http.dependencies import authenticate, runtime_of
from shared.http.openapi import describe
from shared.service import replay
from shared.service.batch_processing import Handle, process
from shared.service.broker import batches, create_broker, raw_body, raw_message
from shared.service.parking import ParkingPlace
from shared.service.replay import Handles
from shared.service.runtime import background, open_runtime
from shared.settings import settings

broker = create_broker(settings(), "intake")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything that runs while the service does."""
    async with open_runtime(settings(), "intake") as runtime:
        desk = GroupCommit(runtime)
        app.state.service = Intake(
            runtime,
            Authenticator(runtime.engine, Issuer.of(runtime.settings)),
            desk,
            Progress(runtime),
            ParkingPlace(runtime.engine, ParkedRow),
        )
        async with background(desk.run()), broker:
            await broker.start()
            yield


app = create_app(
    "NTM intake", "Nơi các huyện và các ngành gửi số liệu. / Where districts and sectors report.", lifespan
)
app.add_middleware(SubmissionsDoor)
describe(app, DESCRIPTION)
for part in (web, me, receipts, uploads, reviews, difficulties):
    app.include_router(part.router)


@app.get("/v1/catalogue")
async def get_catalogue(request: Request, _caller: Annotated[Caller, Depends(authenticate)]) -> Catalogue:
    """The elements, criteria, units and kinds of periods that submissions can name."""
    runtime = runtime_of(request)
    return catalogue(runtime.reference, runtime.clock.today())


@broker.subscriber(subjects.SUBMIT, queue="intake", max_workers=256, decoder=raw_message)
async def answer_request(message: Msg) -> NatsResponse:
    """A request over NATS; its reply says what HTTP would."""
    body, headers = await submit(app.state.service, message)
    return NatsResponse(body, headers=headers)


type Handler = Callable[[list[Msg]], Awaitable[None]]
type Projection = Callable[[AsyncConnection, Sequence[Msg]], Awaitable[None]]

_PAUSE_SECONDS = 0.02
"""What comes meanwhile is projected together: one transaction for many."""


def _into_tables(projection: Projection) -> Handle:
    async def project_all(batch: Sequence[Msg]) -> None:
        async with app.state.service.runtime.engine.begin() as connection:
            await projection(connection, batch)

    return project_all


HANDLES: Handles = {
    subjects.ALL_SUBMISSIONS: _into_tables(
        lambda connection, batch: project.submissions(connection, batch, app.state.service.runtime.reference)
    ),
    subjects.ALL_REVIEWS: _into_tables(project.reviews),
    subjects.ALL_REFUSALS: _into_tables(project.refusals),
    subjects.ALL_STATUSES: _into_tables(project.changes),
    subjects.ALL_PARKED: _into_tables(project.parked),
    subjects.ALL_PROBLEMS: _into_tables(
        lambda connection, batch: project.problems(connection, batch, app.state.service.runtime.reference)
    ),
}


async def _project(stream: str, subject: str, messages: list[Msg]) -> None:
    """Bring a batch to the tables; it is acknowledged once its transaction is committed."""
    await process(stream, messages, HANDLES[subject], app.state.service.parking.park)
    await asyncio.sleep(_PAUSE_SECONDS)


@batches(broker, subjects.ALL_SUBMISSIONS, SUBMISSIONS)
async def take_submissions(messages: list[Msg]) -> None:
    """Receipts, and what stands."""
    await _project(subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS, messages)


@batches(broker, subjects.ALL_REVIEWS, "intake-reviews")
async def take_reviews(messages: list[Msg]) -> None:
    """What districts and sectors decided."""
    await _project(subjects.SUBMISSIONS_STREAM, subjects.ALL_REVIEWS, messages)


@batches(broker, subjects.ALL_REFUSALS, REFUSALS)
async def take_refusals(messages: list[Msg]) -> None:
    """What was refused."""
    await _project(subjects.REFUSALS_STREAM, subjects.ALL_REFUSALS, messages)


@batches(broker, subjects.ALL_STATUSES, "intake-changes")
async def take_changes(messages: list[Msg]) -> None:
    """What submissions led to."""
    await _project(subjects.STATUS_STREAM, subjects.ALL_STATUSES, messages)


@batches(broker, subjects.ALL_PARKED, "intake-parked")
async def take_parked(messages: list[Msg]) -> None:
    """What scoring could not process, and what became of it."""
    await _project(subjects.STATUS_STREAM, subjects.ALL_PARKED, messages)


@batches(broker, subjects.ALL_PROBLEMS, PROBLEMS)
async def take_problems(messages: list[Msg]) -> None:
    """Difficulties, reported and answered."""
    await _project(subjects.STATUS_STREAM, subjects.ALL_PROBLEMS, messages)


@broker.subscriber(subjects.replay("intake"), queue="intake", decoder=raw_body)
async def answer_replay(request: bytes) -> bytes:
    """Project a parked message after all, or tell why not."""
    return await replay.answer(app.state.service.parking, app.state.service.runtime.nats, HANDLES, request)
