"""Verdicts with their reasons: the status of a criterion or commitment at a date, and the figures behind it."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.status import Stage, Status
from shared.contracts.submission import SubmissionWarning


class PartReading(BaseModel):
    """A figure from which a measure was calculated."""

    element: str
    value: float
    period: Period
    stage: Stage
    submission: UUID


class Waypoint(BaseModel):
    """The next day on which the pace is judged."""

    on: date = Field(description="A milestone, or the last day of a period that is to be reported.")
    required: float = Field(description="The path's value at that day.")
    missing: int | None = Field(description="Countable things (`missing_unit`) still missing for that value.")


class Projection(BaseModel):
    """The day on which the goal is reached if the trend goes on: from the newest value, at the year's median speed."""

    on: date | None = Field(description="None: the trend does not lead to the goal, or takes more than ten years.")
    earliest: date | None = Field(description="The day at the upper limit of the speed's 90 % interval.")
    latest: date | None = Field(description="The day at the lower limit; none: perhaps never.")
    in_time: bool | None = Field(description="Whether `on` is by the deadline; none: there is no deadline.")


class BreakInSeries(BaseModel):
    """A day since which something else is counted under the same name than before."""

    valid_from: date = Field(description="Figures for periods that end from this day on are of the new series.")
    reason: Bilingual = Field(description="By what is counted from then on, as in 'counted by ...'.")
    verified: bool
    source: str


class FormulaChosen(BaseModel):
    """The formula by which a measure is calculated, where its source may be read in several ways."""

    id: str
    name: Bilingual
    verified: bool = Field(description="Whether the reading was found in the source's text.")
    source: str


class Part(BaseModel):
    """One measure of a criterion or commitment, judged at a date. Numbers are in `measured_in`."""

    indicator: str = Field(description="Number of the indicator in its set (`12.1`), or the commitment's id.")
    name: Bilingual
    group: Literal["men", "women"] | None = Field(
        default=None, description="Where the set asks for men and women separately."
    )
    status: Status
    direction: Literal["at_least", "at_most"]
    measured_in: str = Field(description="`percent`, `communes`, `workers`, `yes_no`, ...")
    value: float | None = None
    applies: bool = Field(
        default=True,
        description="False: there is nobody of whom the measure speaks, such as no child of six; it hinders nothing.",
    )
    contradiction: Bilingual | None = Field(
        default=None,
        description="Those of its newest figures that cannot stand together, so that nothing is judged by them.",
    )
    numerator: float | None = None
    denominator: float | None = None
    goal: float | None = Field(default=None, description="The number that has to be reached or kept.")
    required: float | None = Field(
        default=None, description="The path's value with which `value` is compared; none without a path."
    )
    required_on: date | None = Field(
        default=None,
        description="The day of `required`: where reports come by a calendar, the end of the newest period that was "
        "due or is reported; else the date judged at.",
    )
    tolerated: float | None = Field(
        default=None,
        description="The worst value that is still on track beside `required`: less, or more where the measure has to "
        "fall, by the tolerance. Once behind, only a value on the path itself is on track again. None where no path "
        "decides: without one, before it begins, and once nothing is waited for after the deadline.",
    )
    gap: float | None = Field(default=None, description="The distance behind the path; negative is ahead.")
    next: Waypoint | None = Field(
        default=None, description="The next value that the path asks for; none: only the goal."
    )
    projected: Projection | None = Field(
        default=None, description="The trend's forecast; none where the goal is met, or the months are too few."
    )
    missing: int | None = Field(
        default=None, description="Countable things (`missing_unit`) still missing for the goal."
    )
    missing_unit: Bilingual | None = None
    baseline: float | None = None
    baseline_on: date | None = None
    deadline: date | None = None
    period: Period | None = Field(default=None, description="The period of the newest reading that counts.")
    stage: Stage | None = None
    readings: list[PartReading] = Field(
        default_factory=list, description="The figures behind the value; none for aggregates."
    )
    submissions: list[UUID] = Field(default_factory=list, description="The submissions that brought the readings.")
    warnings: list[SubmissionWarning] = Field(
        default_factory=list, description="Intake's remarks about the figures behind the value."
    )
    units_counted: int | None = Field(default=None, description="For aggregates: the number of communes with data.")
    units_expected: int | None = Field(
        default=None, description="For aggregates over communes: the number of communes that should have data."
    )
    units_stale: int | None = Field(
        default=None,
        description="For aggregates over communes: those whose newest figures are too old to stand for the present.",
    )
    reports_in: int | None = Field(default=None, description="For aggregates: the reports that were due and have come.")
    reports_due: int | None = Field(default=None, description="For aggregates: the reports that were due.")
    compared: int | None = Field(
        default=None,
        description="Where a change is asked for: the communes, or of a sum over the year the reports, that have "
        "figures at both times. `value` and `baseline` are of these alone.",
    )
    whole: float | None = Field(
        default=None, description="The value with all figures, also those that have none before; none: it is `value`."
    )
    begins_with_first: bool = Field(
        default=False, description="Whether first figures stand for a baseline, where too few communes have one."
    )
    stale: bool = Field(
        default=False, description="Whether the newest figures are older than the plan lets them stand for the present."
    )
    criteria_without_figures: int | None = Field(
        default=None,
        description="Where the criteria that communes meet are counted: those of all communes without figures, which "
        "count as not met.",
    )
    criteria_stale: int | None = Field(
        default=None,
        description="The same: those whose figures are too old to stand for the present, which count as not met.",
    )
    criteria_waiting: int | None = Field(
        default=None,
        description="The same: those of which a newer report is overdue. Where communes below a number of criteria are "
        "counted, the communes that such reports could turn.",
    )
    counted_in: list[str] = Field(
        default_factory=list,
        description="For sums and rates over the units of a district or province: the kinds of units that they count.",
    )
    stale_after_months: int | None = Field(
        default=None, description="The months for which figures may stand for the present; none: until the next ones."
    )
    age_months: int | None = Field(
        default=None, description="The whole months since the end of the period; none for aggregates."
    )
    formula: FormulaChosen | None = Field(
        default=None, description="The formula that was chosen among several; none where there is only one."
    )
    not_reported: list[Bilingual] = Field(
        default_factory=list, description="The figures that are missing where others of the same period have come."
    )
    break_in_series: BreakInSeries | None = Field(
        default=None,
        description="The break after which the figures were counted: they are compared with none before it.",
    )
    provisional: bool = False
    verified: bool = Field(default=True, description="Whether the goal's number was read in its source.")
    source: str | None = None


class Assessment(BaseModel):
    """A verdict with its reasons."""

    status: Status
    on: date = Field(description="The date judged at.")
    parts: list[Part]
    provisional: bool = Field(default=False, description="Whether a reading behind it is not official yet.")
    stale: bool = Field(default=False, description="Whether a figure behind it is too old to stand for the present.")
    contradictory: bool = Field(default=False, description="Whether figures of one of its parts cannot stand together.")
    reports_in: int | None = Field(default=None, description="For aggregates: the reports that were due and have come.")
    reports_due: int | None = Field(default=None, description="For aggregates: the reports that were due.")
    overdue: list[str] = Field(default_factory=list, description="Periods of reports that are due and have not come.")
    reason: Bilingual
    holds_until: date | None = Field(
        default=None, description="The last day on which the verdict holds if nobody reports; none: it stays."
    )
