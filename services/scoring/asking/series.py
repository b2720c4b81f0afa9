"""`GET /v1/series`: how a criterion or a commitment has gone since, with the path that it should have gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.scoring.asking.changes import scoring_of
from services.scoring.asking.criterion_sums import (
    MeasureSum,
    SumsOfCriterion,
    SumsOnDays,
    communes_below,
    figures_in_hindsight,
)
from services.scoring.asking.kept_answer import figures_version, reply_with
from services.scoring.asking.units import check_criterion, district_of
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increments
from services.scoring.judging.judge import Judge, MeasureVerdict
from services.scoring.judging.observations import exact
from services.scoring.service import Scoring
from services.scoring.storage.increments import summed_increments
from shared.access.caller import Caller
from shared.contracts.assessment import BreakInSeries, Part
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Unit
from shared.reference.naming import not_on_that_day
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref

router = APIRouter(prefix="/v1")

_DAY = timedelta(days=1)
_SUNDAY = 6
_MOST_POINTS = 400

type Step = Literal["day", "week", "month"]


class SeriesPoint(BaseModel):
    """A measure at a day, by the plan in force on it and by all that is known today. Numbers are in `measured_in`."""

    on: date
    value: float | None = Field(description="None: no figures by then, or such as nothing can be calculated from.")
    numerator: float | None
    denominator: float | None
    required: float | None = Field(description="The path's value with which `value` is compared; none without a path.")
    tolerated: float | None = Field(
        description="The worst value that is still on track; between `required` and it lies the tolerance. Once "
        "behind, only a value on the path itself is on track again. None for sums, and where no path decides: without "
        "one, before it begins, and once nothing is waited for after the deadline."
    )
    goal: float | None
    status: Status | None = Field(description="None for the sums of a criterion, which nobody is bound to.")
    provisional: bool = False
    stale: bool = False
    period: Period | None = Field(default=None, description="The period of the figures; none for sums.")
    break_in_series: BreakInSeries | None = Field(
        default=None,
        description="The break after which `value` was counted: it is compared with none before it. None for sums.",
    )
    units_met: int | None = Field(default=None, description="For sums: the communes that meet the criterion.")
    units_counted: int | None = Field(default=None, description="For sums: the communes with figures.")
    units_expected: int | None = Field(default=None, description="For sums: the communes that should have figures.")


class SeriesLine(BaseModel):
    """One measure over time."""

    indicator: str = Field(description="Number of the indicator in its set (`12.1`), or the commitment's id.")
    name: Bilingual
    group: Literal["men", "women"] | None = None
    direction: Literal["at_least", "at_most"]
    measured_in: str = Field(description="`percent`, `communes`, `workers`, `yes_no`, ...")
    baseline: float | None = None
    baseline_on: date | None = None
    deadline: date | None = None
    verified: bool = Field(description="Whether the goal's number was read in its source.")
    points: list[SeriesPoint]


class Series(BaseModel):
    """The measures of a criterion or a commitment over time.

    Of a district or the province a criterion's measures are the sums over its communes: numerators and denominators
    are added apart, never rates averaged.
    """

    unit: UnitRef
    district: UnitRef | None
    criterion: CriterionRef | None = None
    commitment: CommitmentRef | None = None
    lines: list[SeriesLine]
    sample: bool


@router.get("/series", response_model=Series)
async def show_series(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    unit: Annotated[str, Query(description="Code of a commune, a district or the province.")],
    criterion: Annotated[str | None, Query(description="Such as `ntm-12`.")] = None,
    commitment: Annotated[str | None, Query(description="The id of a commitment of the plan in force at `to`.")] = None,
    first: Annotated[date | None, Query(alias="from", description="By default the day before the plan began.")] = None,
    last: Annotated[date | None, Query(alias="to", description="By default today.")] = None,
    step: Annotated[Step, Query(description="A point at the end of each, and one at `to`.")] = "month",
) -> Response:
    """Show values, path and status over time. One of `criterion` and `commitment` is asked for."""
    today = runtime.clock.today()
    until = min(last or today, today)
    reference = runtime.plans.in_force(until)
    days = _days(first or reference.plan.baseline_date, until, step)
    place = _unit_of(unit, reference, caller, until)
    if (criterion is None) == (commitment is None):
        raise bad_parameter("criterion", criterion or "", "criterion / commitment")
    check_criterion(criterion, reference)
    head = {"unit": unit_ref(place), "district": district_of(place, reference), "sample": reference.plan.sample}
    if criterion is not None:

        async def of_criterion() -> Series:
            lines = await _lines_of_criterion(scoring_of(request), criterion, place, days)
            return Series(**head, criterion=criterion_ref(criterion, reference), lines=lines)

        made_from = runtime.plans, until, await figures_version(request)
        return await reply_with(request, caller, made_from, of_criterion)
    asked = _commitment_of(commitment or "", place, reference)
    key = asked.id, place.key
    async with runtime.engine.connect() as connection:
        increments = (await summed_increments(connection, reference.plan.id, [key])).by_day.get(key, {})

    async def of_commitment() -> Series:
        line = await asyncio.to_thread(_line_of_commitment, asked, place, increments, days, reference)
        return Series(**head, commitment=commitment_ref(asked), lines=[line])

    return await reply_with(request, caller, (reference, until, increments), of_commitment)


def _line_of_commitment(
    commitment: Commitment, unit: Unit, increments: Increments, days: Sequence[date], reference: Reference
) -> SeriesLine:
    judge = Judge(reference, days[-1])
    parts = {day: assess_target(judge.at(day), commitment, unit, increments).parts[0] for day in days}
    return _line(parts)


async def _lines_of_criterion(
    scoring: Scoring, criterion: CriterionKey, place: Unit, days: Sequence[date]
) -> list[SeriesLine]:
    judges = [Judge(scoring.runtime.plans.in_force(day), day) for day in days]
    if place.kind in judges[-1].reference.plan.counted_kinds:
        async with scoring.runtime.engine.connect() as connection:
            figures = await figures_in_hindsight(connection, [place.key], judges, criterion)
        return await asyncio.to_thread(_of_commune, judges, criterion, place, figures.get(place.key, Figures()))
    sums = await scoring.parts.ask(SumsOfCriterion(criterion, place, judges), SLOTS)
    return await asyncio.to_thread(_of_communes, judges, criterion, place, sums)


def _of_commune(judges: Sequence[Judge], criterion: CriterionKey, unit: Unit, figures: Figures) -> list[SeriesLine]:
    """Return a commune's measures over time."""
    by_measure: dict[tuple[str, str | None], dict[date, Part]] = {}
    for judge in judges:
        for part in explain_criterion(judge.criterion(criterion, unit, figures)).parts:
            by_measure.setdefault((part.indicator, part.group), {})[judge.on] = part
    return [_line(parts) for parts in by_measure.values()]


def _of_communes(judges: Sequence[Judge], criterion: CriterionKey, place: Unit, sums: SumsOnDays) -> list[SeriesLine]:
    """Return the measures summed over the communes below a district or the province, over time."""
    lines: dict[tuple[str, str | None], SeriesLine] = {}
    for judge, of_measures in zip(judges, sums, strict=True):
        if not of_measures:
            continue
        first = judge.criterion_now(criterion, communes_below(judge, place)[0], Figures())
        for part, of_measure in zip(first.parts, of_measures, strict=True):
            key = part.measure.indicator.number, part.measure.group.group
            lines.setdefault(key, _line_of_sum(part)).points.append(_point_of_sum(of_measure, judge.on))
    return list(lines.values())


def _point_of_sum(summed: MeasureSum, on: date) -> SeriesPoint:
    numerator, denominator, scale = exact(summed.numerator), exact(summed.denominator), summed.scale
    return SeriesPoint(
        on=on,
        value=float(scale * numerator / denominator) if scale is not None and denominator else None,
        numerator=None if scale is None else float(numerator),
        denominator=None if scale is None else float(denominator),
        required=None,
        tolerated=None,
        goal=None,
        status=None,
        provisional=summed.provisional,
        stale=summed.stale,
        units_met=summed.met,
        units_counted=summed.counted,
        units_expected=summed.expected,
    )


def _line_of_sum(part: MeasureVerdict) -> SeriesLine:
    indicator = part.measure.indicator
    return SeriesLine(
        indicator=indicator.number,
        name=indicator.name,
        group=part.measure.group.group,
        direction=indicator.direction,
        measured_in=indicator.measured_in,
        verified=part.measure.goal.verified,
        points=[],
    )


def _line(parts: Mapping[date, Part]) -> SeriesLine:
    """Return the line of a measure from its published parts, by day."""
    newest = parts[max(parts)]
    fields = {name: getattr(newest, name) for name in SeriesLine.model_fields if name != "points"}
    return SeriesLine(**fields, points=[_point(part, on) for on, part in parts.items()])


def _point(part: Part, on: date) -> SeriesPoint:
    fields = {name: getattr(part, name) for name in SeriesPoint.model_fields if name not in ("on", "units_met")}
    return SeriesPoint(on=on, **fields)


def _days(first: date, last: date, step: Step) -> list[date]:
    """Return the last days of the steps between two days, and the last day itself."""
    if first > last:
        raise bad_parameter("from", first, f"… {last}")
    ends = {day for day in _each_day(first, last) if _ends(day, step)} | {last}
    if len(ends) > _MOST_POINTS:
        raise bad_parameter("step", step, f"≤ {_MOST_POINTS}: month")
    return sorted(ends)


def _each_day(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _ends(day: date, step: Step) -> bool:
    return step == "day" or (day.weekday() == _SUNDAY if step == "week" else (day + _DAY).day == 1)


def _unit_of(code: str, reference: Reference, caller: Caller, on: date) -> Unit:
    unit = reference.units.find(code, on)
    if unit is None:
        raise Problem(Problems.REFUSED, not_on_that_day("/unit", code, reference.units, on))
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": code}))
    return unit


def _commitment_of(asked: str, unit: Unit, reference: Reference) -> Commitment:
    """Return the commitment of this id that binds the unit."""
    of_unit = {commitment.id: commitment for commitment, target in reference.targets if target.key == unit.key}
    if asked not in of_unit:
        raise bad_parameter("commitment", asked, ", ".join(of_unit) or "-")
    return of_unit[asked]
