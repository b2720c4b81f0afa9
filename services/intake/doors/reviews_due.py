"""`GET /v1/reviews-due`: the figures of a period that wait for a review, with those before and what they changed."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.intake.admission.former_figure import FormerFigure
from services.intake.doors.receipts import covered_units, tracked
from services.intake.doors.uploads import parsed_period
from services.intake.service import Serving
from services.intake.storage import figures, receipts
from services.intake.storage.figures import Waiting
from services.intake.storage.receipts import ReceiptFilter
from shared.contracts.period import Period
from shared.contracts.refs import SentUnitCode
from shared.contracts.status import Stage
from shared.contracts.submission import Tracked, Value
from shared.http.dependencies import SignedIn

router = APIRouter()


class WaitingPeriod(BaseModel):
    """A period of which figures wait."""

    period: Period
    waiting: int = Field(description="Submissions.")


class WaitingFigure(BaseModel):
    """A figure that waits, and the newest one of an earlier period."""

    element: str
    value: Value
    before: FormerFigure | None


class WaitingSubmission(Tracked):
    """A submission of which figures wait; those that others have replaced are left out."""

    figures: list[WaitingFigure]


class ReviewsDue(BaseModel):
    """The figures that wait for a review: their periods, the newest first, and the submissions of one of them."""

    periods: list[WaitingPeriod]
    period: Period | None = Field(description="The period of the items; None where nothing waits.")
    items: list[WaitingSubmission]
    unreadable: list[UUID] = Field(default=[], description="Submissions whose stored receipt is damaged.")


@router.get("/v1/reviews-due")
async def list_reviews_due(
    intake: Serving,
    caller: SignedIn,
    unit: Annotated[SentUnitCode, Query(description="A district or the province.")],
    stage: Annotated[
        Literal[Stage.REPORTED, Stage.VERIFIED],
        Query(description="The stage that they have: `reported` waits for the district, `verified` for the province."),
    ] = Stage.REPORTED,
    period: Annotated[str | None, Query(max_length=60, description="By default the newest.")] = None,
) -> ReviewsDue:
    """List what waits for a review. Figures that were returned or withdrawn wait for their sender."""
    runtime = intake.runtime
    keys = covered_units(caller, unit, runtime)
    scored_until = await intake.scoring_progress.scored_until()
    async with runtime.engine.connect() as connection:
        periods = await figures.waiting_periods(connection, keys, stage)
        asked = parsed_period(period) if period else next((one.period for one in periods), None)
        waiting = await figures.waiting(connection, keys, stage, asked) if asked else []
        ids = {one.reading.submission for one in waiting}
        rows, _ = await receipts.newest(connection, ReceiptFilter(ids=ids), scored_until, len(ids))
        items = await tracked(connection, rows, scored_until)
        units, elements = {one.unit for one in waiting}, {one.element for one in waiting}
        before = await figures.newest_before(connection, [*units], [*elements], asked.end) if asked else {}
        sent = await receipts.receipts_of(connection, {reading.submission for reading in before.values()})

    of_submission: defaultdict[UUID, list[Waiting]] = defaultdict(list)
    for one in waiting:
        of_submission[one.reading.submission].append(one)

    def shown(submission: UUID) -> list[WaitingFigure]:
        return [
            WaitingFigure(
                element=one.element,
                value=FormerFigure.of(one.reading, element, {}).value,
                before=FormerFigure.of(earlier, element, sent) if earlier else None,
            )
            for one in of_submission[submission]
            if (element := runtime.reference.elements.get(one.element))
            for earlier in [before.get((one.unit, one.element))]
        ]

    return ReviewsDue(
        periods=[WaitingPeriod(period=one.period, waiting=one.submissions) for one in periods],
        period=asked,
        items=[WaitingSubmission(**dict(item), figures=shown(item.receipt.id)) for item in items],
        unreadable=sorted(of_submission.keys() - {item.receipt.id for item in items}),
    )
