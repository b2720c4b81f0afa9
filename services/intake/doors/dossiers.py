"""Routes for dossiers: the steps by which a commune is recognised by a criteria set, or loses the recognition."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Path, Query, Request
from nats.errors import Error as NatsError
from pydantic import BaseModel, Field

from services.intake.admission.candidate import REQUEST_KEY, Posted
from services.intake.dossiers.history import History, history_of
from services.intake.dossiers.scoring_judgement import judgement_of
from services.intake.dossiers.take_step import Step, recognition_by, take_step
from services.intake.rules.dossier import ASSESSMENTS, Dossier
from services.intake.rules.dossier_rights import may_take
from services.intake.service import Serving
from services.intake.storage import dossiers
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.dossier import DossierEntry, DossierLogged, DossierStep, DossierTurn, JudgedAnswer
from shared.contracts.judgement import JudgedCriterion, Judgement
from shared.contracts.recognition import Recognition, RecognitionState
from shared.contracts.refs import SentUnitCode, UnitRef
from shared.http.app import language_of
from shared.http.body import JsonRoute
from shared.http.dependencies import SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.nats.cloud_events import trace_at_hand
from shared.problems import Fault, Faults, Problem, Problems, no_such_unit, unknown_unit
from shared.reference.load import Reference
from shared.reference.models import CriteriaSet, Unit
from shared.reference.naming import not_on_that_day
from shared.reference.refs import unit_ref
from shared.service.runtime import Runtime
from shared.stable_id import stable_id

router = APIRouter(prefix="/v1/dossiers", route_class=JsonRoute, strict_content_type=False)

SetId = Annotated[str, Path(alias="set", max_length=40, description="A criteria set's id, such as `ntm`.")]
Commune = Annotated[SentUnitCode, Path(description="The commune's code.")]


class CriterionState(BaseModel):
    """A criterion of a dossier: the standing answers to it, and how scoring judges it by the newest figures."""

    criterion: str
    name: Bilingual
    sector: str
    lead: Bilingual = Field(description="The sector that answers for it.")
    answers: dict[DossierStep, JudgedAnswer] = Field(
        description="By step: of `self_assessed`, `verified`, `appraised`."
    )
    judged: JudgedCriterion | None = Field(description="None while scoring cannot tell.")


class DossierView(BaseModel):
    """A commune's dossier for a criteria set."""

    unit: UnitRef
    district: UnitRef | None
    criteria_set: str
    name: Bilingual
    state: DossierStep | None = Field(description="The last step that is whole; none before the first.")
    open_step: DossierStep = Field(description="The only step, besides `returned`, that can be taken now.")
    turns: list[DossierTurn] = Field(description="The steps that are expected, each with the day by which it is due.")
    may_take: list[DossierStep] = Field(description="The steps that the caller's key may take now.")
    criteria: list[CriterionState]
    steps: list[DossierLogged] = Field(description="All steps that were taken, in order. Words are plain text.")
    unreadable: list[UUID] = Field(
        default=[], description="Steps whose stored content is damaged: no other step is taken before it is mended."
    )
    recognition: Recognition | None = Field(
        description="Scoring's judgement of the recognition; none while it is away."
    )


class DossierSummary(BaseModel):
    """A dossier in the list."""

    unit: UnitRef
    district: UnitRef | None
    criteria_set: str
    last_step: DossierLogged
    turns: list[DossierTurn]


class DossierPage(BaseModel):
    """Dossiers by commune and set; `next` is the cursor of the following page."""

    items: list[DossierSummary]
    unreadable: list[UUID] = Field(default=[], description="The newest steps whose stored content is damaged.")
    next: str | None


@router.get("")
async def list_dossiers(
    intake: Serving,
    caller: SignedIn,
    unit: Annotated[SentUnitCode | None, Query(description="Only communes that are or lie below this unit.")] = None,
    turn: Annotated[DossierStep | None, Query(description="Only dossiers for which this step is expected.")] = None,
    cursor: Cursor = None,
    limit: Limit = 200,
) -> DossierPage:
    """List the dossiers of the caller's communes, each with its newest step."""
    units = intake.runtime.reference.units
    if unit is not None and not units.known(unit):
        raise unknown_unit("/unit", unit)
    covered = [
        other.key
        for other in units
        if caller.covers_unit(other, units) and (unit is None or units.is_under(other, unit))
    ]
    after = decode_cursor(cursor, lambda key, criteria_set: (int(key), criteria_set))
    async with intake.runtime.engine.connect() as connection:
        newest = await dossiers.newest_steps(connection, covered, turn, after, limit + 1)
    page = newest[:limit]
    return DossierPage(
        items=[
            DossierSummary(
                unit=step.unit,
                district=step.district,
                criteria_set=step.criteria_set,
                last_step=step,
                turns=step.turns,
            )
            for step in (row.logged for row in page)
            if step is not None
        ],
        unreadable=[row.id for row in page if row.logged is None],
        next=encode_cursor(page[-1].unit, page[-1].criteria_set) if len(newest) > limit else None,
    )


@router.get("/{commune}/{set}")
async def get_dossier(intake: Serving, caller: SignedIn, commune: Commune, criteria_set: SetId) -> DossierView:
    """Show a commune's dossier: its steps, whose turn it is, and scoring's judgement beside the offices' answers."""
    runtime = intake.runtime
    unit, chosen = _named(runtime, caller, commune, criteria_set, may_have_ended=True)
    try:
        history = await history_of(runtime, unit)
    except NatsError:  # the broker is away: the tables still tell
        async with runtime.engine.connect() as connection:
            history = History(*await dossiers.steps_of(connection, unit.key), 0)
    view = await _view(runtime, caller, unit, chosen, history.of(chosen))
    if damaged := [step.id for step in history.damaged if step.criteria_set == chosen.id]:
        return view.model_copy(update={"unreadable": damaged, "may_take": []})
    return view


@router.post("/{commune}/{set}", status_code=202)
async def post_step(
    request: Request,
    intake: Serving,
    caller: SignedIn,
    commune: Commune,
    criteria_set: SetId,
    entry: DossierEntry,
    idempotency_key: Annotated[str | None, Header(pattern=REQUEST_KEY)] = None,
) -> DossierView:
    """Take a step in a commune's dossier.

    An assessment (`self_assessed`, `verified`, `appraised`) may answer for some criteria first, and is whole once each
    criterion has its yes; a no of the district or of a sector returns the dossier to the step before, as `returned`
    does. A yes beside a criterion that is judged not met needs a note with the reason.
    """
    runtime = intake.runtime
    unit, chosen = _named(runtime, caller, commune, criteria_set)
    posted = Posted(caller, language_of(request), trace_at_hand())
    known = idempotency_key is not None
    event_id = stable_id("dossier", caller.agency, unit.key, chosen.id, idempotency_key) if known else uuid4()
    steps = await take_step(intake, posted, Step(unit, chosen, entry, event_id))
    return await _view(runtime, caller, unit, chosen, steps)


def _named(
    runtime: Runtime, caller: Caller, commune: str, criteria_set: str, *, may_have_ended: bool = False
) -> tuple[Unit, CriteriaSet]:
    """Return the commune and the set of a request; problem 404 where they do not exist, 403 outside of the key."""
    reference = runtime.reference
    unit = reference.units.find(commune, runtime.clock.today())
    if unit is None and may_have_ended:
        unit = next(reversed(reference.units.known(commune)), None)
    if unit is None:
        raise Problem(Problems.NOT_FOUND, not_on_that_day("/commune", commune, reference.units, runtime.clock.today()))
    if unit.kind not in reference.plan.counted_kinds:
        raise no_such_unit("/commune", commune)
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/commune", Faults.OUTSIDE_UNITS, {"value": commune}))
    recognising = {one.id: one for one in reference.plan_sets if one.recognition}
    if criteria_set not in recognising:
        details = {"value": criteria_set, "expected": ", ".join(recognising)}
        raise Problem(Problems.NOT_FOUND, Fault("/set", Faults.UNKNOWN_CRITERIA_SET, details))
    return unit, recognising[criteria_set]


async def _view(
    runtime: Runtime, caller: Caller, unit: Unit, criteria_set: CriteriaSet, steps: list[DossierLogged]
) -> DossierView:
    reference = runtime.reference
    dossier = Dossier.of(criteria_set, steps)
    is_valid = unit.is_valid(runtime.clock.today())
    judgement = await judgement_of(runtime.nats, unit.code, criteria_set.id) if is_valid else None
    known = recognition_by(judgement, criteria_set)
    if dossier.is_untouched and known and known.state is RecognitionState.RECOGNISED:
        dossier = dossier.recognised_before()
    district = reference.units.district(unit)
    return DossierView(
        unit=unit_ref(unit),
        district=unit_ref(district) if district else None,
        criteria_set=criteria_set.id,
        name=criteria_set.name,
        state=dossier.done,
        open_step=dossier.open_step,
        turns=steps[-1].turns if steps else [],
        may_take=_may_take(dossier, unit, caller, reference) if is_valid else [],
        criteria=_criteria(dossier, criteria_set, judgement, runtime.clock.today()),
        steps=steps,
        recognition=known,
    )


def _may_take(dossier: Dossier, unit: Unit, caller: Caller, reference: Reference) -> list[DossierStep]:
    offered = [dossier.open_step, *([DossierStep.RETURNED] if dossier.step_before else [])]
    return [step for step in offered if may_take(step, dossier, unit, caller, reference)]


def _criteria(
    dossier: Dossier, criteria_set: CriteriaSet, judgement: Judgement | None, today: date
) -> list[CriterionState]:
    judged = {one.criterion: one for one in judgement.criteria} if judgement else {}
    return [
        CriterionState(
            criterion=key,
            name=criterion.name,
            sector=criterion.sector,
            lead=criterion.lead_on(today),
            answers={
                step: dossier.answers[step][key]
                for step in dossier.answers
                if step in ASSESSMENTS and key in dossier.answers[step]
            },
            judged=judged.get(key),
        )
        for criterion in criteria_set.criteria
        for key in [criteria_set.key(criterion)]
    ]
