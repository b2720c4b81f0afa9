"""Corrections by workbook: a workbook has no revisions, so its sender chooses whether it corrects earlier figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from services.intake.admission.candidate import Checked
from services.intake.rules.standing_figures import StandingReading, exact
from services.intake.rules.wording import element_named, figure
from services.intake.workbook import FilledRow
from shared.problems import Fault, Faults
from shared.reference.load import Reference


def revised(row: FilledRow, checked: Checked, *, correct: bool) -> FilledRow:
    """Return the row with the revision under which it is sent; a row that states a revision keeps it.

    A correction that the sender wants gets the revision after the standing figures' one; every other row keeps their
    revision, so that a file that is sent twice makes the same submissions.
    """
    standing = _standing(checked)
    if "revision" in row.item or not standing:
        return row
    highest = max(reading.revision for reading in standing.values())
    corrects = correct and any(_differing(checked))
    return replace(row, item={**row.item, "revision": highest + 1 if corrects else highest})


def faults_of(row: FilledRow, checked: Checked, reference: Reference, *, correct: bool) -> Iterator[Fault]:
    """Yield the row's faults. A figure that differs from the standing one is a fault unless a correction is wanted."""
    says_revision = "revision" in row.item
    for fault in checked.faults:
        if says_revision or fault.kind is not Faults.REVISION_TAKEN:
            yield fault
    if says_revision or correct or checked.submission is None:
        return
    for code, stands in _differing(checked):
        element = reference.elements[code]
        details = {
            "element": element_named(element),
            "standing": figure(element, stands.value),
            "stage": stands.stage,
            "revision": stands.revision,
            "agency": stands.agency,
            "value": figure(element, exact(checked.submission.readings[code])),
        }
        yield Fault(f"/readings/{code}", Faults.STANDS_ALREADY, details)


def _standing(checked: Checked) -> dict[str, StandingReading]:
    """Return the standing figures for the same period and stage, by element."""
    submission = checked.submission
    if submission is None:
        return {}
    return {
        code: reading
        for code, reading in checked.before.items()
        if reading.period == submission.period and reading.stage is submission.stage
    }


def _differing(checked: Checked) -> Iterator[tuple[str, StandingReading]]:
    if checked.submission:
        for code, reading in _standing(checked).items():
            if reading.value != exact(checked.submission.readings[code]):
                yield code, reading
