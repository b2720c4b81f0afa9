"""The figures of a submission that a review may still concern."""

from __future__ import annotations

from uuid import UUID

from services.intake.rules.standing_figures import Figures
from shared.contracts.status import Stage
from shared.contracts.submission import Submission, Value
from shared.problems import Fault, Faults


def open_readings(submission: Submission, original: UUID, stage: Stage, standing: Figures) -> dict[str, Value]:
    """Return the figures that a decision for the stage still concerns: those of the original submission that stand, and
    corrections of an office's figures.
    """
    rank = (stage.rank, submission.revision)
    return {
        code: value
        for code, value in submission.readings.items()
        if (stands := standing.get(code)) is None
        or stands.submission == original
        or (stands.revision < submission.revision and stands.rank < rank)
    }


def superseded(standing: Figures) -> Fault:
    """Return the fault of a submission whose place other figures have taken."""
    newest = max(standing.values(), key=lambda reading: reading.rank)
    return Fault("/submission", Faults.SUPERSEDED, {"value": str(newest.submission)})
