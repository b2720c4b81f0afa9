"""Functions by which tests apply intake's rules to submissions."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from services.intake import rules
from services.intake.rules.standing_figures import StandingFigures
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.submission import Submission
from shared.problems import Fault
from shared.reference.load import Reference, load
from tests.builders import a_posted_submission

NOW = date(2023, 6, 30)
AFTER_2025 = date(2026, 1, 1)
REFERENCE = load()
VAN_QUAN = Caller("district-184", ("184",), (EVERYTHING,))
COUNTS = {"households": 1204, "poor_households": 131, "near_poor_households": 88}


def check(
    item: Any, caller: Caller = VAN_QUAN, reference: Reference = REFERENCE, today: date = NOW
) -> Submission | list[Fault]:
    found = rules.parse(item, reference)
    return found if isinstance(found, list) else rules.examine(found, caller, reference, today) or found


def refusal(item: Any, caller: Caller = VAN_QUAN, today: date = NOW) -> list[Fault]:
    found = check(item, caller, REFERENCE, today)
    assert isinstance(found, list)
    return found


def codes(item: Any, caller: Caller = VAN_QUAN) -> dict[str, str]:
    return {fault.pointer: fault.kind.code for fault in refusal(item, caller)}


def the_text(item: Any, caller: Caller = VAN_QUAN, today: date = NOW) -> tuple[str, str]:
    (fault,) = refusal(item, caller, today)
    return fault.text("vi"), fault.text("en")


def a_submission(**changes: Any) -> Submission:
    parsed = rules.parse(a_posted_submission(**changes), REFERENCE)
    assert isinstance(parsed, Submission)
    return parsed


def standing(*submissions: Submission, agency: str = "district-184") -> StandingFigures:
    found = StandingFigures()
    for submission in submissions:
        unit = REFERENCE.units.find(submission.unit, submission.period.end)
        assert unit
        found.add(unit.key, submission, uuid4(), agency)
    return found


def beside(found: StandingFigures, reference: Reference = REFERENCE, **changes: Any) -> rules.Remarks:
    submission = a_submission(**changes)
    unit = reference.units.find(submission.unit, submission.period.end)
    assert unit
    return rules.compare(submission, unit, found, reference)


def faults(compared: rules.Remarks) -> dict[str, str]:
    return {fault.pointer: fault.kind.code for fault in compared.faults}


def warnings(compared: rules.Remarks) -> dict[str, str]:
    return {warning.pointer: warning.code for warning in compared.warnings}
