"""The running intake: the object that its doors and subscribers share, made in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.intake.admission.accept import Admission
from services.intake.admission.group_commit import GroupCommit
from services.intake.evidence.scanner import Scanner
from services.intake.projection.project import OF_ONE_STATEMENT, Sources
from services.intake.projection.scoring_progress import ScoringProgress
from services.intake.settings import IntakeSettings
from services.intake.storage.tables import (
    DossierStepRow,
    EvidenceRow,
    ParkedRow,
    ProblemEventRow,
    RefusalRow,
    ReviewRow,
    SubmissionRow,
    WithdrawalRow,
)
from shared.access.authenticator import Authenticator
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.contracts.evidence import Evidence
from shared.contracts.submission import AcceptedSubmission, Refusal, Review, Withdrawal
from shared.http.dependencies import service_of
from shared.object_store import ObjectStore
from shared.service.gauges import of_parked
from shared.service.parking import PARKING_CODES, ParkingPlace
from shared.service.runtime import Runtime, background, open_runtime
from shared.service.wholeness import FilledTable, Wholeness

type Projection = Callable[[AsyncConnection, Sequence[Msg], Sources], Awaitable[object]]
"""Brings a batch of messages to intake's tables, in the caller's transaction."""

FILLED = [
    FilledTable(subjects.ALL_SUBMISSIONS, AcceptedSubmission, SubmissionRow, numbered=True),
    FilledTable(subjects.ALL_REVIEWS, Review, ReviewRow),
    FilledTable(subjects.ALL_WITHDRAWALS, Withdrawal, WithdrawalRow),
    FilledTable(subjects.ALL_EVIDENCE, Evidence, EvidenceRow),
    FilledTable(subjects.ALL_REFUSALS, Refusal, RefusalRow, numbered=True),
    FilledTable(subjects.ALL_PROBLEMS, DifficultyLogged, ProblemEventRow),
    FilledTable(subjects.ALL_DOSSIERS, DossierLogged, DossierStepRow, numbered=True),
]
"""The tables in which every message is that intake has acknowledged."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Everything that intake holds while it runs."""

    runtime: Runtime
    by_statement: AsyncEngine
    """The engine whose statements are transactions by themselves, with two round trips fewer each."""
    authenticator: Authenticator
    admission: Admission
    scoring_progress: ScoringProgress
    parking: ParkingPlace
    wholeness: Wholeness
    evidence: ObjectStore | None = None
    """The files of evidence."""
    scanner: Scanner | None = None
    """Scans these; None: the installation has none."""

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: IntakeSettings) -> AsyncIterator[Intake]:
        """Connect intake, admit submissions while the block runs, and leave it cleanly."""
        async with open_runtime(settings, "intake") as runtime:
            group_commit, parking = GroupCommit(runtime), ParkingPlace(runtime.engine, ParkedRow)
            runtime.gauges.add("parked", of_parked(runtime.engine, ParkedRow))
            watching = runtime.operations.watch(PARKING_CODES, parking.troubles, failures=1)
            async with background(group_commit.run(), runtime.in_use.run(), watching):
                yield cls(
                    runtime,
                    runtime.engine.execution_options(isolation_level="AUTOCOMMIT"),
                    Authenticator.of(runtime.engine, settings),
                    Admission(runtime, group_commit),
                    ScoringProgress(runtime),
                    parking,
                    Wholeness(runtime, "intake", FILLED, ParkedRow),
                    ObjectStore.at(settings.evidence_store) if settings.evidence_store else None,
                    Scanner(settings.clamav) if settings.clamav else None,
                )

    async def project(self, projection: Projection, messages: Sequence[Msg]) -> None:
        """Bring a batch of messages to the tables in one transaction."""
        engine = self.by_statement if projection in OF_ONE_STATEMENT else self.runtime.engine
        async with engine.begin() as connection:
            await projection(connection, messages, self.runtime)


def intake_of(request: Request) -> Intake:
    """Return the running service that answers the request."""
    return cast(Intake, service_of(request))


Serving = Annotated[Intake, Depends(intake_of)]
"""Intake, for the routes that depend on it."""
