"""`ntm.v1.scoring.judgement`: a commune's criteria by its newest figures, for the offices that assess it."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_today
from services.scoring.asking.recognitions import recognitions_at
from services.scoring.asking.refusal_reply import reply
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from shared.contracts.dossier import Judged
from shared.contracts.judgement import JudgedCriterion, Judgement, JudgementRequest
from shared.contracts.status import Status
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.models import CriteriaSet, Unit
from shared.service.runtime import Runtime

_JUDGED = {Status.MET: Judged.MET, Status.NO_DATA: Judged.NO_DATA}


async def answer(runtime: Runtime, request: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the reply's body and headers: a `Judgement`, or the problem document that tells why there is none."""
    return await reply("judgement", _answer(runtime, request))


async def _answer(runtime: Runtime, request: bytes) -> bytes:
    judge = Judge(runtime.reference, runtime.clock.today())
    unit, criteria_set = _asked(request, judge)
    async with runtime.engine.connect() as connection:
        judgement = await judgement_of(connection, unit, criteria_set, judge)
    return judgement.model_dump_json().encode()


async def judgement_of(connection: AsyncConnection, unit: Unit, criteria_set: CriteriaSet, judge: Judge) -> Judgement:
    """Judge all criteria of the set by the commune's newest figures, and look at its recognitions."""
    recognised = await recognitions_at(connection, {unit.key: unit}, judge, None)
    figures = (await figures_today(connection, [unit.key], judge.reference)).get(unit.key, Figures())
    criteria = []
    for key in map(criteria_set.key, criteria_set.criteria):
        verdict = judge.criterion_now(key, unit, figures)
        judged = _JUDGED.get(verdict.status, Judged.NOT_MET)
        criteria.append(JudgedCriterion(criterion=key, judged=judged, reason=explain_criterion(verdict).reason))
    return Judgement(criteria=criteria, recognitions=recognised[unit.key])


def _asked(request: bytes, judge: Judge) -> tuple[Unit, CriteriaSet]:
    reference = judge.reference
    try:
        asked = JudgementRequest.model_validate_json(request)
    except ValidationError as error:
        raise Problem(
            Problems.REFUSED, Fault("", Faults.BAD_PARAMETER, {"value": request[:80], "expected": "JSON"})
        ) from error
    unit = reference.units.find(asked.unit, judge.on)
    if unit is None:
        raise Problem(Problems.REFUSED, Fault("/unit", Faults.UNKNOWN_UNIT, {"value": asked.unit}))
    if asked.criteria_set not in reference.plan.criteria_sets:
        expected = ", ".join(reference.plan.criteria_sets)
        details = {"value": asked.criteria_set, "expected": expected}
        raise Problem(Problems.REFUSED, Fault("/criteria_set", Faults.UNKNOWN_CRITERIA_SET, details))
    return unit, reference.sets[asked.criteria_set]
