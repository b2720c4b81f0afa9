"""Withdrawals that fall due: the system itself takes the step as soon as the figures say so, and takes it back.

Decision 18/2022/QĐ-TTg: a recognition is withdrawn where half of the criteria hold no longer, or 30 % with a key one.
The rule is scoring's; this module only follows the changes of communes' criteria. Where an office has returned the
step, it is taken again only when a further criterion holds no longer; the paper does not say so, the rule is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nats.aio.msg import Msg

from services.intake.admission.candidate import Posted
from services.intake.dossiers.history import history_of
from services.intake.dossiers.scoring_judgement import judgement_of
from services.intake.dossiers.take_step import Step, recognition_by, take_step
from services.intake.rules.dossier import Dossier
from services.intake.service import Intake
from services.intake.storage.figures import units_with_yes
from services.intake.texts import phrase
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.dossier import DossierEntry, DossierLogged, DossierStep
from shared.contracts.status import Status
from shared.contracts.verdict_change import StatusChanged
from shared.nats.publishing import BrokerUnavailableError
from shared.problems import Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import CriteriaSet, Unit
from shared.stable_id import stable_id
from shared.texts import filled

SYSTEM = "ntm.intake"
"""The agency under which the system takes its own steps. Agencies' names have no dot."""

_NAME = phrase("due_withdrawals.system").vi
_DUE, _HOLDS_AGAIN = phrase("due_withdrawals.due"), phrase("due_withdrawals.holds_again")
_LEFT_TO_OTHERS = {Problems.OUT_OF_TURN, Problems.REFUSED}
"""Problems by which somebody else was faster, or the figures have changed again."""


class _Followed(NamedTuple):
    """The newest change by which a criterion of a commune began to fail, or holds again."""

    unit: int
    criteria_set: CriteriaSet
    change: StatusChanged

    @property
    def fails(self) -> bool:
        """True where the criterion began to fail, False where it holds again."""
        return _fails(self.change.after)


async def follow_changes(intake: Intake, messages: Sequence[Msg]) -> None:
    """Begin or end due withdrawals after changes of criteria; a change that comes again does nothing.

    BrokerUnavailableError while scoring does not answer: then the changes come again.
    """
    changes = [StatusChanged.model_validate_json(message.data) for message in messages]
    followed = _newest(changes, intake.runtime.reference)
    if not followed:
        return
    elements = {rule.element for one in followed if (rule := one.criteria_set.recognition)}
    async with intake.runtime.engine.connect() as connection:
        recognised = await units_with_yes(connection, {one.unit for one in followed}, elements)
    for one in followed:
        if one.unit in recognised:
            await _follow(intake, one)


def _newest(changes: Iterable[StatusChanged], reference: Reference) -> list[_Followed]:
    """Return, by commune and set, the newest change by which a criterion began to fail, and by which one holds again.

    A criterion that only lost its figures does not hold again.
    """
    sets = {
        criteria_set.key(criterion): criteria_set
        for criteria_set in reference.plan_sets
        if criteria_set.recognition and criteria_set.recognition.withdrawal
        for criterion in criteria_set.criteria
    }
    newest: dict[tuple[int, str, bool], _Followed] = {}
    for change in sorted(changes, key=lambda change: change.at):
        unit = None if change.unit.key else reference.units.find(change.unit.code, change.on)
        key, criteria_set = unit.key if unit else change.unit.key, sets.get(change.criterion.key)
        if criteria_set is None or key is None or _fails(change.before) == _fails(change.after):
            continue
        if _fails(change.after) or change.after is Status.MET:
            newest[key, criteria_set.id, _fails(change.after)] = _Followed(key, criteria_set, change)
    return list(newest.values())


def _fails(status: Status) -> bool:
    return status not in (Status.MET, Status.NO_DATA)


async def _follow(intake: Intake, followed: _Followed) -> None:
    runtime, criteria_set = intake.runtime, followed.criteria_set
    unit = runtime.reference.units.by_key(followed.unit)
    if not unit.is_valid(runtime.clock.today()):
        return
    history = await history_of(runtime, unit)
    if history.damaged:  # only a rebuild of the table tells how the dossier stands
        return
    steps = history.of(criteria_set)
    judgement = await judgement_of(runtime.nats, unit.code, criteria_set.id)
    if judgement is None:
        raise BrokerUnavailableError("scoring does not answer")
    if (recognition := recognition_by(judgement, criteria_set)) is None:
        return
    dossier = Dossier.of(criteria_set, steps)
    may_begin = dossier.is_untouched or dossier.open_step is DossierStep.WITHDRAWAL_DUE
    if recognition.withdrawal_due and may_begin and not _is_settled_by_an_office(steps, followed):
        reason = filled(_DUE, reason=recognition.reason)
        await _take(intake, unit, followed, DossierStep.WITHDRAWAL_DUE, reason.vi)
    elif not recognition.withdrawal_due and not followed.fails and _is_by_the_system(steps):
        reason = filled(_HOLDS_AGAIN, reason=recognition.reason)
        await _take(intake, unit, followed, DossierStep.RETURNED, reason.vi)


def _is_settled_by_an_office(steps: Sequence[DossierLogged], followed: _Followed) -> bool:
    """Say whether an office decided last that the recognition stays, and no criterion began to fail since."""
    if not steps or steps[-1].returned_from is not DossierStep.WITHDRAWN or steps[-1].agency == SYSTEM:
        return False
    return followed.change.at <= steps[-1].at or not followed.fails


def _is_by_the_system(steps: Sequence[DossierLogged]) -> bool:
    """Say whether the system has taken the last step, that the withdrawal is due."""
    return bool(steps) and (steps[-1].step, steps[-1].agency) == (DossierStep.WITHDRAWAL_DUE, SYSTEM)


async def _take(intake: Intake, unit: Unit, followed: _Followed, step: DossierStep, reason: str) -> None:
    caller = Caller(SYSTEM, (intake.runtime.reference.plan.unit,), (EVERYTHING,), "", _NAME)
    turn = DossierStep.WITHDRAWN if step is DossierStep.RETURNED else step
    entry = DossierEntry(step=step, reason=reason, open_step=turn)
    criteria_set = followed.criteria_set
    step_id = stable_id("dossier", SYSTEM, unit.key, criteria_set.id, followed.change.id, step)
    try:
        await take_step(intake, Posted(caller), Step(unit, criteria_set, entry, step_id))
    except Problem as problem:
        if problem.kind is Problems.UNAVAILABLE:
            raise BrokerUnavailableError(problem.kind.code) from problem
        if problem.kind not in _LEFT_TO_OTHERS:
            raise
