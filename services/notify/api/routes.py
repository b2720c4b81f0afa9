"""`/v1/routes:explain`: the recipients who would hear of an event, and the branches that routing asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.notify.alerts.draft import Draft
from services.notify.alerts.significance import severity
from services.notify.api.dependencies import Serving, covered, is_of_province
from services.notify.contacts.masking import mask_address
from services.notify.inspect.who_would_hear import hypothetical_alert, hypothetical_turn, who_would_hear
from services.notify.routing.tree import asked
from shared.contracts.alert import ChannelName, OccasionKind, Severity
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyKind
from shared.contracts.dossier import DossierStep
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.models import AnyEvent

router = APIRouter(prefix="/v1")


class BranchItem(BaseModel):
    """A branch that routing asked. `takes`: it matches; `tells`: it matches, and no branch below it takes the alert."""

    id: str
    depth: int
    takes: bool
    tells: bool
    source: str | None
    because: Bilingual | None = Field(description="Why it is told to them, and in this way.")


class HearerItem(BaseModel):
    """A recipient who would hear of the event; `reason`: the reason why the recipient cannot be reached."""

    branch: str
    recipient: str
    name: str
    channel: ChannelName
    address: str
    reason: Bilingual | None


class Explained(BaseModel):
    """The recipients who would hear of such an event now, and every branch that routing asked."""

    severity: Severity
    hears: list[HearerItem]
    branches: list[BranchItem]


@router.get("/routes:explain")
async def explain(
    notify: Serving,
    caller: SignedIn,
    unit: Annotated[str, Query(description="The unit that the event concerns.")],
    event: AnyEvent | None = None,
    dossier: Annotated[DossierStep | None, Query(description="Instead of an event: a step of a dossier.")] = None,
    on: Annotated[OccasionKind, Query(description="The event's kind.")] = "status",
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    commitment: Annotated[str | None, Query(description="A commitment's id, with `on=target`.")] = None,
    kind: Annotated[DifficultyKind, Query(description="The difficulty's kind.")] = DifficultyKind.OTHER,
    day: Annotated[
        date | None, Query(description="The day of the event. None: today, or the plan's last day when that is over.")
    ] = None,
) -> Explained:
    """Explain which recipients would hear of an event, and by which branch."""
    covered(caller, unit, notify.reference)
    if dossier is not None:
        alert = hypothetical_turn(notify.reference, unit, dossier, day=day)
    elif event is not None:
        alert = hypothetical_alert(notify.reference, unit, on, event, criterion, commitment, kind, day)
    else:
        raise Problem(Problems.INVALID_QUERY, Fault("/event", Faults.MISSING))
    world = await notify.world()
    drafts = who_would_hear(alert, world)
    in_full = is_of_province(caller, notify.reference)
    return Explained(
        severity=severity(alert),
        hears=_hearers(drafts, in_full=in_full),
        branches=[
            BranchItem(
                id=step.branch.id,
                depth=step.depth,
                takes=step.takes,
                tells=step.tells,
                source=step.branch.source,
                because=step.branch.because,
            )
            for step in asked(world.tree, alert, notify.reference)
        ],
    )


def _hearers(drafts: Sequence[Draft], *, in_full: bool) -> list[HearerItem]:
    return [
        HearerItem(
            branch=draft.branch,
            recipient=str(draft.recipient),
            name=draft.name,
            channel=draft.channel,
            address=draft.address if in_full else mask_address(draft.address),
            reason=draft.not_sent.value if draft.not_sent else None,
        )
        for draft in drafts
    ]
