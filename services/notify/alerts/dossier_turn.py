"""Turns in dossiers of recognition: a step that is an office's turn from now on, or no longer."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.dossier import DossierLogged, DossierStep, DossierTurn
from shared.contracts.refs import UnitRef
from shared.stable_id import stable_id


class DossierEvent(StrEnum):
    """An event of a turn. Readers of notify's API get it as `changed`, since the released list of events is closed."""

    TURN = "dossier_turn"
    """A step is expected of an office."""
    DONE = "dossier_done"
    """The step was taken, or is no longer expected; nobody is told of that."""


_EXPLAINED = {DossierStep.RETURNED, DossierStep.WITHDRAWAL_DUE}
"""The steps whose reason concerns the office whose turn it then is."""


class TurnOfDossier(BaseModel):
    """A turn that a step of a dossier began or ended."""

    id: UUID
    event: DossierEvent
    at: AwareDatetime
    unit: UnitRef
    dossier: str = Field(description="The criteria set's id.")
    turn: DossierTurn
    taken: DossierStep = Field(description="The step that was taken.")
    agency: str
    agency_name: str | None = None
    reason: str | None = Field(
        default=None,
        description="The reason for which the dossier was returned, or the recognition is to be withdrawn.",
    )
    sample: bool = False


def turns_of(logged: DossierLogged) -> Iterator[TurnOfDossier]:
    """Yield the turns that a step of a dossier ended, then those that it began."""
    begun = [turn for turn in logged.turns if turn.since == logged.at]
    for event, turns in ((DossierEvent.DONE, logged.ended), (DossierEvent.TURN, begun)):
        for turn in turns:
            yield TurnOfDossier(
                id=stable_id(logged.id, event, turn.step, turn.sector),
                event=event,
                at=logged.at,
                unit=logged.unit,
                dossier=logged.criteria_set,
                turn=turn,
                taken=logged.step,
                agency=logged.agency,
                agency_name=logged.agency_name,
                reason=logged.reason if logged.step in _EXPLAINED else None,
                sample=logged.sample,
            )
