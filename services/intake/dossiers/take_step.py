"""The use case of an office that takes a step in a dossier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.intake.admission.candidate import Posted
from services.intake.admission.messages import dossier_message
from services.intake.dossiers.history import History, history_of, subject_of
from services.intake.dossiers.scoring_judgement import judgement_of
from services.intake.rules.dossier import (
    ASSESSMENTS,
    Dossier,
    Turn,
    content_faults,
    day_faults,
    judged_faults,
    order_fault,
    settled_step,
)
from services.intake.rules.dossier_rights import right_faults
from services.intake.service import Intake
from shared.contracts.dossier import DossierEntry, DossierLogged, DossierStep, DossierTurn, Judged, JudgedAnswer
from shared.contracts.judgement import Judgement
from shared.contracts.recognition import Recognition, RecognitionState
from shared.nats.publishing import BrokerUnavailableError, SubjectMovedError, publish_next
from shared.problems import Fault, Faults, Problem, Problems
from shared.readable import DamagedRowError
from shared.reference.load import Reference
from shared.reference.models import CriteriaSet, Unit
from shared.reference.refs import unit_ref
from shared.service.runtime import Runtime
from shared.service.unavailable import unavailable
from shared.working_days import after_working_days

_ATTEMPTS = 5
"""Attempts when other offices take steps about the same commune at the same moment."""

_JUDGED_STEPS = ASSESSMENTS | {DossierStep.WITHDRAWAL_DUE}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an office asks for: the commune, the set, the office's words, and the event's id."""

    unit: Unit
    criteria_set: CriteriaSet
    entry: DossierEntry
    id: UUID


async def take_step(intake: Intake, posted: Posted, step: Step) -> list[DossierLogged]:
    """Take a step and return all steps of the dossier; a step that was taken under the same id changes nothing.

    Problem 403 without the right, 409 out of turn, 422 for faults of the content, 503 while scoring or the broker is
    away; `DamagedRowError` where an earlier step cannot be read. Two offices that decide at once are told apart by the
    broker: the second looks again and decides anew.
    """
    runtime = intake.runtime
    intake.admission.group_commit.check_open()
    for _ in range(_ATTEMPTS):
        history = await history_of(runtime, step.unit)
        if history.damaged:  # nobody knows what the next step is
            raise DamagedRowError
        steps = history.of(step.criteria_set)
        if _is_repeated(steps, step):
            return steps
        logged = await _decide(runtime, posted, step, history)
        if step.entry.step is DossierStep.RETURNED and step.entry.open_step is None:
            # what somebody else has returned meanwhile is not returned a second time
            step = replace(step, entry=step.entry.model_copy(update={"open_step": logged.returned_from}))
        try:
            is_new = await _publish(runtime, posted, step, logged, history.newest)
        except SubjectMovedError:
            continue
        if is_new:
            return [*steps, logged]
        # the same, or another step under the same id, was taken meanwhile: the next look tells
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "1"})


async def _publish(runtime: Runtime, posted: Posted, step: Step, logged: DossierLogged, after: int) -> bool:
    """Publish a step behind the newest about its commune; return False where the stream has it already."""
    message = dossier_message(logged, subject_of(step.unit, runtime), posted.trace)
    try:
        return not (await publish_next(runtime.nats, message, after)).duplicate
    except BrokerUnavailableError as error:
        raise unavailable(error) from error


def _is_repeated(steps: Sequence[DossierLogged], step: Step) -> bool:
    """Say whether the step was taken already under its id; problem 409 when that one has other content."""
    known = next((logged for logged in steps if logged.id == step.id), None)
    if known is None:
        return False
    if not _says(known, step.entry):
        raise Problem(Problems.KEY_USED)
    return True


def _says(logged: DossierLogged, entry: DossierEntry) -> bool:
    """Say whether a step that was taken has the content of an entry, besides what was filled in."""
    is_refusal = logged.step is DossierStep.RETURNED and logged.answers
    return (
        entry.step is (logged.returned_from if is_refusal else logged.step)
        and entry.person == logged.person
        and [answer.model_dump() for answer in entry.answers]
        == [answer.model_dump(exclude={"judged"}) for answer in logged.answers]
        and all(getattr(entry, name) in (None, getattr(logged, name)) for name in ("reason", "number", "date"))
    )


async def _decide(runtime: Runtime, posted: Posted, step: Step, history: History) -> DossierLogged:
    """Return the event of a step; the problem where it cannot be taken."""
    reference, entry, unit = runtime.reference, step.entry, step.unit
    dossier = history.dossier(step.criteria_set)
    judgement: Judgement | None = None
    if faults := [*right_faults(entry, dossier, unit, posted.caller, reference)]:
        raise Problem(Problems.OUT_OF_SCOPE, *faults)
    if dossier.is_untouched and entry.step is DossierStep.WITHDRAWAL_DUE:
        judgement = await _judgement(runtime, step)
        dossier = _with_earlier_recognition(dossier, judgement, step.criteria_set)
    if fault := order_fault(dossier, entry):
        raise Problem(Problems.OUT_OF_TURN, fault)
    faults = [*content_faults(dossier, entry), *day_faults(entry, unit, runtime.clock.today())]
    if faults:
        raise Problem(Problems.REFUSED, *faults)
    if entry.step in _JUDGED_STEPS:
        judgement = judgement or await _judgement(runtime, step)
    if dossier.is_untouched and judgement:
        dossier = _with_earlier_recognition(dossier, judgement, step.criteria_set)
    if fault := order_fault(dossier, entry) or _fault_of_set_before(step, history, judgement, reference):
        raise Problem(Problems.OUT_OF_TURN, fault)
    judged = {one.criterion: one.judged for one in judgement.criteria} if judgement else {}
    due = recognition_by(judgement, step.criteria_set)
    if faults := [*judged_faults(entry, judged, is_due=bool(due and due.withdrawal_due))]:
        raise Problem(Problems.REFUSED, *faults)
    logged = _logged(step, posted, history, dossier, judged, runtime.clock.now(), reference)
    if entry.step is DossierStep.WITHDRAWAL_DUE:
        logged = logged.model_copy(update={"withdrawal_judged_due": due.withdrawal_due if due else None})
    return logged


async def _judgement(runtime: Runtime, step: Step) -> Judgement:
    """Return scoring's judgement; problem 503 without it, since a yes that it contradicts would pass unseen."""
    judgement = await judgement_of(runtime.nats, step.unit.code, step.criteria_set.id)
    if judgement is None:
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "5"})
    return judgement


def recognition_by(judgement: Judgement | None, criteria_set: CriteriaSet) -> Recognition | None:
    """Return the recognition by a set in a judgement; None where it has none."""
    recognitions = judgement.recognitions if judgement else []
    return next((one for one in recognitions if one.criteria_set == criteria_set.id), None)


def _with_earlier_recognition(dossier: Dossier, judgement: Judgement, criteria_set: CriteriaSet) -> Dossier:
    """Begin with a recognition that was decided before there was a dossier."""
    known = recognition_by(judgement, criteria_set)
    return dossier.recognised_before() if known and known.state is RecognitionState.RECOGNISED else dossier


def _fault_of_set_before(
    step: Step, history: History, judgement: Judgement | None, reference: Reference
) -> Fault | None:
    """Return the fault of a dossier for a set that is for communes which are recognised by another set before."""
    rule = step.criteria_set.recognition
    before = reference.sets[rule.after] if rule and rule.after else None
    if before is None or step.entry.step not in (DossierStep.SELF_ASSESSED, DossierStep.DECIDED):
        return None
    dossier = history.dossier(before)
    if dossier.is_recognised:
        return None
    known = recognition_by(judgement, before)
    if dossier.is_untouched and (judgement is None or (known and known.state is RecognitionState.RECOGNISED)):
        return None
    return Fault("/step", Faults.RECOGNISED_BEFORE_NEEDED, {"expected": before.name})


def _logged(
    step: Step,
    posted: Posted,
    history: History,
    dossier: Dossier,
    judged: Mapping[str, Judged],
    now: datetime,
    reference: Reference,
) -> DossierLogged:
    """Return the event of a step that may be taken, with the turns that it ends and those that are open after it."""
    entry, unit, caller = step.entry, step.unit, posted.caller
    district = reference.units.district(unit)
    taken = settled_step(dossier, entry)
    is_returned = taken is DossierStep.RETURNED
    refused = [f"{answer.criterion}: {answer.note}" for answer in entry.answers if not answer.yes]
    decision: DossierEntry | DossierLogged = entry
    if taken is DossierStep.RECOGNISED:
        steps = history.of(step.criteria_set)
        decision = next((one for one in reversed(steps) if one.step is DossierStep.DECIDED), entry)
    before = [_timed(turn, reference) for turn in dossier.turns]
    logged = DossierLogged(
        id=step.id,
        step=taken,
        at=now,
        unit=unit_ref(unit),
        district=unit_ref(district) if district else None,
        criteria_set=step.criteria_set.id,
        agency=caller.agency,
        agency_name=caller.name or None,
        key=caller.key or None,
        person=entry.person,
        completes=taken not in ASSESSMENTS or dossier.is_whole_with(entry.answers),
        answers=[JudgedAnswer(**answer.model_dump(), judged=judged.get(answer.criterion)) for answer in entry.answers],
        reason=entry.reason or ("\n".join(refused) if is_returned else None),
        number=decision.number,
        date=decision.date,
        returned_from=dossier.open_step if is_returned else None,
        returned_to=dossier.step_before if is_returned else None,
        due=next((turn.due for turn in before), None),
        sample=reference.plan.sample,
    )
    after = [_timed(turn, reference) for turn in dossier.after(logged).turns]
    still_open = {(turn.step, turn.sector) for turn in after}
    ended = [turn for turn in before if (turn.step, turn.sector) not in still_open]
    return logged.model_copy(update={"turns": after, "ended": ended})


def _timed(turn: Turn, reference: Reference) -> DossierTurn:
    """Return a turn with the calendar's time for it."""
    time = reference.step_time(turn.step)
    assert turn.since  # noqa: S101 - a turn is expected since some moment
    return DossierTurn(
        step=turn.step,
        sector=turn.sector,
        criteria=list(turn.criteria),
        since=turn.since,
        working_days=time.working_days if time else None,
        due=after_working_days(turn.since, time.working_days).date() if time else None,
    )
