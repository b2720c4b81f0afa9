"""The request of a what-if: supposed figures, another plan, a later day; checked, and applied to the plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

from services.scoring.texts import phrase
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.preview import PREVIEW_LIMIT
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage
from shared.contracts.submission import Submission
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import FileFault as ReferenceDataFault
from shared.reference.load import InvalidReferenceError, Reference, load_text, with_plan
from shared.reference.models import Commitment, Milestone, Plan
from shared.texts import filled

PLAN_LETTERS = 128 * 1024
TARGET_LIMIT = 1000
"""Commitments in a supposed plan, each counted once for every unit that it binds."""

_YEARS_AHEAD = 5

Number = Annotated[Decimal, Field(ge=-(10**12), le=10**12)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2100, 12, 31))]


class _Supposed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CommitmentChange(_Supposed):
    """Changes of a commitment; whatever is left out stays as it is."""

    id: str = Field(max_length=200)
    goal: Number | None = Field(default=None, description="Instead of the goal or the change that the plan has.")
    change: Number | None = Field(default=None, description="The same: the goal is the baseline and this.")
    deadline: Day | None = None
    milestones: list[Milestone] | None = Field(
        default=None,
        max_length=366,
        description="Left out: those of the plan, without any that the supposed deadline or goal comes before.",
    )
    tolerance: Share | None = None


class CohortChange(_Supposed):
    """The members that a cohort would have instead of its own."""

    id: str = Field(max_length=200)
    members: list[UnitCode] = Field(max_length=10_000)


class PlanChanges(_Supposed):
    """Changes of the plan; whatever is left out stays as it is."""

    tolerance: Share | None = None
    deadline: Day | None = Field(
        default=None, description="Of what cohorts are bound to; a commitment has a deadline of its own."
    )
    coverage: Share | None = None
    counts_from: Stage | None = None
    commitments: list[CommitmentChange] = Field(default=[], max_length=TARGET_LIMIT)
    cohorts: list[CohortChange] = Field(default=[], max_length=TARGET_LIMIT)


class Supposition(_Supposed):
    """A supposition. Its figures count as if they came in as soon as they can: today, or when their period ends."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "submissions": [
                        {
                            "unit": "06280",
                            "period": "2023-06",
                            "readings": {"households": 1204, "poor_households": 110, "near_poor_households": 40},
                        }
                    ],
                    "plan": {"commitments": [{"id": "poverty-communes", "goal": 90}]},
                    "on": "2023-12-31",
                }
            ]
        }
    )

    submissions: Annotated[list[Submission], FailFast()] = Field(
        default=[], max_length=PREVIEW_LIMIT, description="As with real ones the higher (stage, revision) counts."
    )
    plan: PlanChanges | None = Field(default=None, description="Changes of the plan.")
    plan_file: str | None = Field(
        default=None, max_length=PLAN_LETTERS, description="The text (YAML) of a whole plan's file, instead of `plan`."
    )
    unchanged: bool = Field(
        default=False,
        strict=True,
        description="Also tell the reasons of statuses that stay as they are, of communes with supposed figures.",
    )
    on: date | None = Field(default=None, description="The day that is judged, by default today; none that has passed.")


def check_day(supposed: Supposition, today: date) -> None:
    """Raise a problem where the day has passed, or lies too far ahead."""
    last = date(today.year + _YEARS_AHEAD, 12, 31)
    if supposed.on is not None and not today <= supposed.on <= last:
        raise Problem(Problems.REFUSED, _unusable("/on", supposed.on, f"{today} … {last}"))


def check_figures(submissions: Sequence[Submission], caller: Caller, reference: Reference) -> None:
    """Raise a problem where figures name an unknown unit or element, or one that the key may not report."""
    faults = list(_unknown_names(submissions, reference))
    if faults:
        raise Problem(Problems.REFUSED, *faults)
    faults = list(_out_of_scope(submissions, caller, reference))
    if faults:
        raise Problem(Problems.OUT_OF_SCOPE, *faults)


def reference_under(supposed: Supposition, reference: Reference) -> Reference:
    """Return the reference data with the supposed plan; raise a problem where the plan contradicts itself."""
    if supposed.plan is not None and supposed.plan_file is not None:
        expected = phrase("what_if_request.plan_or_file")
        raise Problem(Problems.REFUSED, _unusable("/plan_file", "plan_file", expected))
    try:
        if supposed.plan_file is not None:
            with_supposed_plan = load_text(supposed.plan_file, reference)
        elif supposed.plan is not None:
            with_supposed_plan = with_plan(reference, _changed(reference.plan, supposed.plan))
        else:
            return reference
    except InvalidReferenceError as error:
        raise Problem(Problems.REFUSED, *(_in_plan(fault, supposed) for fault in error.faults)) from None
    if len(with_supposed_plan.targets) > TARGET_LIMIT:
        raise Problem(Problems.REFUSED, Fault("/plan_file", Faults.TOO_LONG, {"expected": TARGET_LIMIT}))
    return with_supposed_plan


def _changed(plan: Plan, changes: PlanChanges) -> Plan:
    commitments = {commitment.id: commitment for commitment in plan.commitments}
    for number, change in enumerate(changes.commitments):
        _known(f"/plan/commitments/{number}/id", change.id, commitments)
        values = _given(change)
        if not values.keys().isdisjoint(("goal", "change")):
            values = {"goal": None, "change": None, **values}  # each takes the other's place
        changed = commitments[change.id].model_copy(update=values)
        if "milestones" not in values:
            changed = changed.model_copy(
                update={"milestones": [one for one in changed.milestones if _fits(one, changed)]}
            )
        commitments[change.id] = changed
    cohorts = {cohort.id: cohort for cohort in plan.cohorts}
    for number, cohort_change in enumerate(changes.cohorts):
        _known(f"/plan/cohorts/{number}/id", cohort_change.id, cohorts)
        cohorts[cohort_change.id] = cohorts[cohort_change.id].model_copy(update=_given(cohort_change))
    records = {"commitments": list(commitments.values()), "cohorts": list(cohorts.values())}
    return plan.model_copy(update=_given(changes) | records)


def _fits(milestone: Milestone, commitment: Commitment) -> bool:
    """Tell whether a milestone of the plan is still on the way to a commitment's supposed goal and deadline."""
    if milestone.on >= commitment.deadline:
        return False
    if commitment.goal is None:
        return True
    ahead = (
        commitment.goal - milestone.value if commitment.direction == "at_least" else milestone.value - commitment.goal
    )
    return ahead >= 0


def _given(changes: _Supposed) -> dict[str, object]:
    values = {name: getattr(changes, name) for name in changes.model_fields_set if name != "id"}
    return {name: value for name, value in values.items() if value is not None}


def _known(pointer: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise Problem(Problems.REFUSED, _unusable(pointer, name, tuple(names)))


def _unknown_names(submissions: Sequence[Submission], reference: Reference) -> Iterator[Fault]:
    for number, submission in enumerate(submissions):
        here = f"/submissions/{number}"
        if reference.units.find(submission.unit, submission.period.end) is None:
            yield Fault(f"{here}/unit", Faults.UNKNOWN_UNIT, {"value": f"{submission.unit} ({submission.period})"})
        for code in submission.readings:
            if code not in reference.elements:
                yield Fault(f"{here}/readings/{code}", Faults.UNKNOWN_ELEMENT, {"value": code})


def _out_of_scope(submissions: Sequence[Submission], caller: Caller, reference: Reference) -> Iterator[Fault]:
    for number, submission in enumerate(submissions):
        here = f"/submissions/{number}"
        unit = reference.units.find(submission.unit, submission.period.end)
        if unit is None or not caller.covers_unit(unit, reference.units):
            yield Fault(f"{here}/unit", Faults.OUTSIDE_UNITS, {"value": submission.unit})
        for code in submission.readings:
            criteria = tuple(reference.elements[code].criteria)
            if not caller.covers_criteria(criteria):
                details = {"element": code, "expected": criteria or (EVERYTHING,)}
                yield Fault(f"{here}/readings/{code}", Faults.OUTSIDE_CRITERIA, details)


def _unusable(pointer: str, value: object, expected: object) -> Fault:
    return Fault(pointer, Faults.BAD_PARAMETER, {"value": value, "expected": expected})


def _in_plan(fault: ReferenceDataFault, supposed: Supposition) -> Fault:
    """Return a fault of the supposed plan; of a file with its line, since it has no other pointers."""
    vi = f"{fault.field}: {fault.problem.vi}. {fault.remedy.vi}".rstrip(".")
    en = f"{fault.field}: {fault.problem.en}. {fault.remedy.en}".rstrip(".")
    if supposed.plan_file is None:
        return _unusable("/plan", fault.found, Bilingual(vi=vi, en=en))
    expected = filled(phrase("what_if_request.in_line"), line=fault.line, fault=Bilingual(vi=vi, en=en))
    return _unusable("/plan_file", fault.found, expected)
