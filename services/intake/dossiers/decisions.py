"""Decisions on recognition, handed to scoring as the confirmed figures by which it knows who is recognised."""

from __future__ import annotations

from collections.abc import Sequence

from nats.aio.msg import Msg

from services.intake.admission.candidate import Posted
from services.intake.service import Intake
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.dossier import DossierLogged, DossierStep
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission, Value
from shared.nats.publishing import BrokerUnavailableError
from shared.problems import Problem, Problems

_DECIDED = {DossierStep.RECOGNISED: True, DossierStep.WITHDRAWN: False}
_PASSING = {Problems.BUSY, Problems.UNAVAILABLE}
"""Problems after which the same may succeed."""


async def record_decisions(intake: Intake, messages: Sequence[Msg]) -> None:
    """Submit the decisions among these steps, each under an id of its own, so that a step that comes again adds none.

    The consumer does it and not the request, so that a decision in the stream reaches scoring whatever fails meanwhile.
    """
    for message in messages:
        logged = DossierLogged.model_validate_json(message.data)
        rule = intake.runtime.reference.sets[logged.criteria_set].recognition
        if logged.step in _DECIDED and rule and logged.date:
            period = Period.parse(logged.date.isoformat())
            await _submit(intake, logged, period, {rule.element: _DECIDED[logged.step]}, message)


async def _submit(
    intake: Intake, logged: DossierLogged, period: Period, readings: dict[str, Value], message: Msg
) -> None:
    reference = intake.runtime.reference
    caller = Caller(logged.agency, (reference.plan.unit,), (EVERYTHING,), logged.key or "", logged.agency_name or "")
    submission = Submission(
        unit=logged.unit.code,
        period=period,
        stage=Stage.CONFIRMED,
        source_ref=logged.number,
        confirmed=True,
        readings=readings,
    )
    posted = Posted(caller, trace=(message.headers or {}).get("traceparent"), request=f"dossier/{logged.id}")
    (outcome,) = await intake.admission.group_commit.submit([intake.admission.screen(submission, 0, posted)])
    if isinstance(outcome, Problem):
        passes = outcome.kind in _PASSING
        raise BrokerUnavailableError(outcome.kind.code) if passes else ValueError(outcome.document("en").get("detail"))
