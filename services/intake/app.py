"""Intake, from top to bottom: it takes what agencies send, admits it, and publishes it on the broker.

POST /v1/submissions      \\
POST /v1/uploads           }  ->  Admission  ->  ntm.v1.submissions.<district>.<commune>  a receipt, once it is on disk
ntm.v1.intake.submit      /                  ->  ntm.v1.refusals.<agency>                 refused items, with the reason
POST /v1/evidence            ->  object store, ntm.v1.evidence.<district>.<commune>  files and links
POST /v1/submissions/…/review                ->  ntm.v1.reviews.<district>.<commune>      and the figures' new stage
POST /v1/submissions/…/withdraw              ->  ntm.v1.withdrawals.<district>.<commune>  figures count no longer
POST /v1/problems                            ->  ntm.v1.problems.<unit>                   difficulties
POST /v1/dossiers/…                          ->  ntm.v1.dossiers.<district>.<commune>     steps of recognition

SUBMISSIONS, REFUSALS, STATUS  ->  PROJECTIONS  ->  tables  ->  GET receipts, standing figures, difficulties, dossiers
ntm.v1.status.>                ->  follow_changes()    ->  ntm.v1.dossiers.…  a withdrawal is due, or no longer
ntm.v1.dossiers.>              ->  record_decisions()  ->  Admission: who is recognised, and who no longer is
the calendar                   ->  Reminders         ->  ntm.v1.reports.<district>  reports that are soon due
ntm.v1.intake.replay           ->  PROJECTIONS  ->  reply: the outcome of a parked message
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from faststream.nats import NatsResponse
from nats.aio.msg import Msg

from services.intake import web
from services.intake.doors import (
    catalogue,
    difficulties,
    dossiers,
    evidence,
    forms,
    receipts,
    reports_due,
    reviews,
    reviews_due,
    uploads,
    withdrawals,
)
from services.intake.doors.http import SubmissionsDoor
from services.intake.doors.nats import answer_submission
from services.intake.doors.openapi import DESCRIPTION
from services.intake.dossiers.decisions import record_decisions
from services.intake.dossiers.due_withdrawals import follow_changes
from services.intake.projection import project
from services.intake.reminders.remind import Reminders
from services.intake.service import Intake, Projection
from services.intake.settings import settings
from shared.contracts import subjects
from shared.http import me
from shared.http.app import create_app
from shared.http.ending import Ending
from shared.http.held_back import HeldBack
from shared.http.observed import Observed
from shared.http.openapi import describe
from shared.service.batch_processing import Handle, process
from shared.service.broker import batches, create_broker, raw_body, raw_message, start
from shared.service.replay import answer_replay
from shared.service.runtime import background
from shared.service.wholeness import once_whole

broker = create_broker(settings(), "intake")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run intake while the application does; its subscribers begin once its tables are whole."""
    async with Intake.running(settings()) as app.state.service, once_whole(intake().wholeness, work):
        yield


@asynccontextmanager
async def work() -> AsyncIterator[None]:
    """Run the subscribers while the block does."""
    async with background(Reminders(intake().runtime).run()), broker:
        await start(broker, intake().runtime.nats)
        yield


app = create_app(
    "NTM intake", "Nơi các huyện và các ngành gửi số liệu. / Where districts and sectors report.", lifespan
)
app.add_middleware(SubmissionsDoor)
app.add_middleware(HeldBack)
app.add_middleware(Ending)
app.add_middleware(Observed)
describe(app, DESCRIPTION)
for part in (
    web,
    me,
    receipts,
    reports_due,
    forms,
    uploads,
    reviews_due,
    reviews,
    withdrawals,
    evidence,
    difficulties,
    dossiers,
    catalogue,
):
    app.include_router(part.router)


def intake() -> Intake:
    """Return the running service."""
    service: Intake = app.state.service
    return service


@broker.subscriber(subjects.ALL_SUBMITS, queue="intake", max_workers=256, decoder=raw_message)
@broker.subscriber(subjects.SUBMIT, queue="intake", max_workers=256, decoder=raw_message)
async def answer_request(message: Msg) -> NatsResponse:
    """Answer a submission over NATS as HTTP would."""
    body, headers = await answer_submission(intake(), message)
    return NatsResponse(body, headers=headers)


# The function that brings a family's messages to the tables.
PROJECTIONS: Mapping[str, Projection] = {
    subjects.ALL_SUBMISSIONS: project.submissions,
    subjects.ALL_REVIEWS: project.reviews,
    subjects.ALL_WITHDRAWALS: project.withdrawals,
    subjects.ALL_EVIDENCE: project.evidence,
    subjects.ALL_REFUSALS: project.refusals,
    subjects.ALL_STATUSES: project.changes,
    subjects.ALL_PARKED: project.parked,
    subjects.ALL_PROBLEMS: project.difficulties,
    subjects.ALL_DOSSIERS: project.dossiers,
}

# The work that follows the messages of a family, once they stand in the tables.
FOLLOWING = {subjects.ALL_DOSSIERS: record_decisions}

_BATCH_SIZE = 2000
"""Messages that are projected in one transaction, at most; where more wait, posts wait for the tables as well."""

_PAUSE_SECONDS = 0.02
"""The pause after a batch that took all there was: messages that arrive meanwhile are projected together."""


def subscribe(family: str, projection: Projection) -> Handle:
    """Project a family's messages batch by batch; return what handles a batch, for parked messages too."""

    async def handle(messages: Sequence[Msg]) -> None:
        await intake().project(projection, messages)
        if following := FOLLOWING.get(family):
            await following(intake(), messages)

    @batches(broker, family, subjects.CONSUMERS["intake"][family], _BATCH_SIZE)
    async def take(messages: list[Msg]) -> None:
        await process(
            subjects.stream_of(family) or family, messages, handle, intake().parking.park, intake().runtime.proof
        )
        if len(messages) < _BATCH_SIZE:
            await asyncio.sleep(_PAUSE_SECONDS)

    return handle


@batches(broker, subjects.EACH_STATUS, subjects.CONSUMERS["intake"][subjects.EACH_STATUS])
async def take_changes(messages: list[Msg]) -> None:
    """Begin and end withdrawals that the changes of criteria make due."""

    async def follow(some: Sequence[Msg]) -> None:
        await follow_changes(intake(), some)

    await process(subjects.STATUS_STREAM, messages, follow, intake().parking.park, intake().runtime.proof)


HANDLERS = {family: subscribe(family, projection) for family, projection in PROJECTIONS.items()}


@broker.subscriber(subjects.replay("intake"), queue="intake", decoder=raw_body)
async def take_replay(request: bytes) -> bytes:
    """Project a parked message again, and answer with the outcome."""
    return await answer_replay(intake().parking, intake().runtime.nats, HANDLERS, request, intake().runtime.proof)
