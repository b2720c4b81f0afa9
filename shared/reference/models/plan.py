"""The plan: roles, cohorts, commitments, routing, and the statements of its paper."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage
from shared.reference.models.criteria import Criterion, Formula, Ratio
from shared.reference.models.record import CriterionKey, Record, Role, Term
from shared.reference.models.routing import DISTRIBUTION, DOSSIERS, REMINDERS, Branch, Inhibition
from shared.reference.models.units import UnitKind

_DAY = timedelta(days=1)


class RoleHolder(Term):
    """A role of the plan: where it sits in the tree, the criteria that it owns, and the days on which it exists.

    What a role owned when it ended is owned by the role to which it passed.
    """

    role: Role
    name: Bilingual
    names: dict[UnitKind, Bilingual] = Field(default={}, description="Its names in units of a kind, where they differ.")
    level: Literal["province", "district", "commune"]
    owns: list[CriterionKey] = Field(default=[])
    passes_to: Role | None = Field(default=None, description="The role that takes its place after `valid_to`.")
    line: int | None = Field(default=None, description="None: the paper does not name it, and it is ours.")
    verified: bool = True
    source: str | None = None

    def name_in(self, kind: UnitKind) -> Bilingual:
        """Return the role's name in a unit of this kind."""
        return self.names.get(kind, self.name)


class DistributionEntry(Record):
    """An entry of the plan's distribution list (Nơi nhận)."""

    line: int
    text: str
    roles: list[Role]
    receives: Literal["report", "alerts", "archive"]


class Cohort(Record):
    """Communes that the plan binds together: `size` of them. Members that the plan does not name stay unnamed."""

    id: str
    name: Bilingual
    size: int
    of_which: dict[str, int] = Field(
        default={}, description="How many of them are of a group of communes (groups.yaml) when the plan begins."
    )
    members: list[UnitCode] = Field(default=[])
    criteria: list[CriterionKey] = Field(
        default=[],
        description="The criteria that each member has to meet by the plan's deadline. None: the plan asks something "
        "of the members together, by a commitment.",
    )
    lines: list[int]
    verified: bool = True
    source: str | None = None


_COUNTED_IN = "The kinds of units (commune, ward, town) whose figures are summed. None: the kinds that the plan counts."


class CommunesMeeting(Record):
    """The number of communes of the unit that meet a criterion."""

    kind: Literal["communes_meeting"] = "communes_meeting"
    criterion: CriterionKey


class CohortMeeting(Record):
    """The number of a cohort's communes that meet all criteria which bind the cohort.

    With `group` only those that are of the group when the plan begins. That day decides, since a commune may leave the
    group by being recognised: success would undo itself.
    """

    kind: Literal["cohort_meeting"] = "cohort_meeting"
    cohort: str
    group: str | None = Field(default=None, description="Id of a group of communes, one of the cohort's `of_which`.")


class CriteriaMet(Record):
    """A number that follows from how many of a set's criteria communes meet. One without figures is not met."""

    criteria_set: str
    cohort: str | None = Field(default=None, description="Only communes of this cohort. None: all of the unit.")


class CriteriaAverage(CriteriaMet):
    """The average number of criteria that a commune meets ("bình quân tiêu chí/xã")."""

    kind: Literal["criteria_average"] = "criteria_average"


class CommunesBelow(CriteriaMet):
    """The number of communes that meet fewer criteria than a number ("không còn xã dưới n tiêu chí")."""

    kind: Literal["communes_below"] = "communes_below"
    criteria: int = Field(ge=1, description="A commune that meets fewer is counted.")


class Rate(Ratio):
    """A ratio over all communes of the unit: sums over sums, never an average of rates."""

    kind: Literal["rate"] = "rate"
    formula_of: CriterionKey | None = Field(
        default=None,
        description="The criterion by whose only measure it is calculated, in place of elements of its own.",
    )
    numerator: list[str] = Field(default=[])
    denominator: list[str] = Field(default=[])
    formula: Formula | None = Field(default=None, description="The reading on which it rests: that of `formula_of`.")
    counted_in: list[UnitKind] | None = Field(default=None, description=_COUNTED_IN)

    def by(self, criterion: Criterion) -> Rate:
        """Return the rate calculated as the criterion's first ratio."""
        ratio = next((measure for measure in criterion.measures if isinstance(measure, Ratio)), None)
        if ratio is None:
            return self
        return self.but(**{name: getattr(ratio, name) for name in Ratio.model_fields}, formula=criterion.formula)


class Total(Record):
    """A flow summed over the unit and over the year, wherever in the tree it is counted."""

    kind: Literal["total"] = "total"
    elements: list[str]
    counted_in: list[UnitKind] | None = Field(
        default=None, description=f"{_COUNTED_IN} Figures of districts and the province count in any case."
    )


class Done(Record):
    """A statement about the unit itself: an activity held, shelters kept."""

    kind: Literal["done"] = "done"
    element: str


Measure = Annotated[
    CommunesMeeting | CohortMeeting | CriteriaAverage | CommunesBelow | Rate | Total | Done, Field(discriminator="kind")
]


MEASURED_IN = {
    "communes_meeting": "communes",
    "cohort_meeting": "communes",
    "criteria_average": "criteria",
    "communes_below": "communes",
    "rate": "percent",
    "done": "yes_no",
}
"""The unit of each kind of measure; a total has that of its elements."""


def _last_day(value: Any) -> Any:
    return Period.parse(str(value)).end if isinstance(value, str | int) else value


class Milestone(Record):
    """A value through which the path leads, on a day or at a period's end; a monthly schedule has one a month."""

    on: Annotated[date, BeforeValidator(_last_day)] = Field(description="A day, or a period: `2023-06`, `2023-Q2`.")
    value: Decimal


def _alike(value: Any) -> Any:
    """Give a commitment that is `like` one above it the fields of that one which it does not state."""
    if not isinstance(value, list):
        return value
    whole: list[Any] = []
    for stated in value:
        above = {each["id"]: each for each in whole if isinstance(each, dict) and isinstance(each.get("id"), str)}
        model = above.get(str(stated.get("like"))) if isinstance(stated, dict) else None
        whole.append({**model, **{name: own for name, own in stated.items() if name != "like"}} if model else stated)
    return whole


def _stands_above(value: Any) -> None:
    """Refuse the name of a commitment that `_alike` has not found."""
    if value is not None:
        raise PydanticCustomError("not_above", "no commitment above has this id")


class Commitment(Record):
    """A promise of the plan for units: a measure, a direction, a baseline, a goal, a path in time."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    like: Annotated[None, BeforeValidator(_stands_above)] = Field(
        default=None,
        exclude=True,
        description="In a plan's file: the id of a commitment above, which gives the fields that are not stated here.",
    )
    title: Bilingual
    line: int
    quote: str = Field(description="The source's words.")
    units: list[UnitCode] = Field(min_length=1)
    measure: Measure
    criterion: CriterionKey | None = Field(
        default=None, description="For a rate: the criterion of whose indicators the source seems to speak."
    )
    measured_in: str
    counted: Bilingual | None = None
    direction: Literal["at_least", "at_most"]
    baseline: Decimal | None = Field(
        default=None, description="As stated; None: read from the figures at the baseline date."
    )
    change: Decimal | None = Field(default=None, description="Goal = baseline + change.")
    goal: Decimal | None = None
    out_of: int | None = None
    stated_share: Decimal | None = Field(default=None, description="In percent, as stated: text, never judged by.")
    starts: date | None = None
    deadline: date
    milestones: list[Milestone] = Field(default=[])
    has_path: bool = True
    tolerance: Decimal | None = None
    responsible: list[Role] = Field(default=[])
    person: str | None = Field(default=None, description="Who answers for it by name, as the source says.")
    reporting: str | None = Field(default=None, description="When progress is reported, as the source says.")
    verified: bool = True
    source: str | None = None

    @property
    def is_compared(self) -> bool:
        """True where the goal is a change of a rate or sum from what the figures say about the time before.

        Numbers of communes, and of the criteria that they meet, are not compared unit by unit: theirs is a change from
        the whole value at the baseline date.
        """
        return self.change is not None and self.baseline is None and isinstance(self.measure, Rate | Total)


class Duty(Record):
    """A task that the paper gives to offices, without a number or a yes/no by which it could be judged."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    line: int
    quote: str = Field(description="The source's words.")
    what: Bilingual
    roles: list[Role] = Field(min_length=1)
    together_with: list[Role] = Field(default=[], description="The offices with which they do it.")
    every: Literal["month", "quarter", "half", "year"] | None = Field(default=None, description="How often it recurs.")
    starts: date | None = None
    ends: date | None = None
    verified: bool = True
    source: str | None = None


class Basis(Record):
    """A paper on which the plan is based (Căn cứ), as far as the plan names it."""

    line: int
    quote: str
    title: str
    issuer: str | None = None
    number: str | None = None
    dated: date | None = None


class Document(Record):
    """The paper on which the plan was issued."""

    title: str
    issuer: str
    sector: str = Field(description="The issuer's sector, as criteria name theirs.")
    signed_by: str | None
    signed_as: str | None = Field(default=None, description="The signer's position.")
    number: str | None
    dated: str | None = Field(description="Place and date as written; a blank day stays blank.")
    basis: list[Basis] = Field(default=[])
    source: str = Field(description="File of the source's text, below shared/reference/sources/.")


class StatedSpan(Record):
    """A span of time in the source, as written there."""

    line: int
    quote: str
    what: Bilingual
    first: date
    last: date
    instrument: str | None = Field(default=None, description="Key in instruments.yaml where the real span is known.")
    expects_plan_year: bool = False


class StatedUnit(Record):
    """A unit and its district as the source writes them, with the code of the unit that is meant."""

    line: int
    name: str
    district: str
    code: UnitCode


class StatedCount(Record):
    """A count in the source; two counts of the same thing that differ are an error of the source."""

    line: int
    of: str
    count: int
    quote: str


class Plan(Record):
    """A province's plan for a year."""

    id: str
    document: Document
    year: int = Field(ge=1990, le=2100)
    unit: UnitCode
    baseline_date: date
    deadline: date
    closes: date | None = Field(
        default=None,
        description="Until then figures about the plan's year are waited for where no calendar says when they come; "
        "decisions of recognition for a year are signed in the next January. From the day after it on the plan's "
        "verdicts stand, whatever becomes known. None: only what is waited for comes by the deadline, and no verdict "
        "is final.",
    )
    tolerance: Decimal = Field(default=Decimal("0.10"), description="Share of the distance from baseline to goal.")
    counts_from: Stage = Field(default=Stage.REPORTED, description="Readings of an earlier stage do not count.")
    counted_kinds: list[UnitKind] = Field(default=["commune"])
    coverage: Decimal = Field(
        default=Decimal("0.90"),
        description="Share of communes with figures from which on counts and rates are judged.",
    )
    figures_stand_months: int = Field(
        default=12,
        ge=1,
        description="The months for which a figure may stand for the present. Older ones are stale: a status stays, "
        "but a commune does not count as one that keeps a criterion.",
    )
    criteria_sets: list[str] = Field(min_length=1)
    formulas: dict[CriterionKey, str] = Field(
        default={}, description="The variants by which criteria are calculated; others by their sets' own formulas."
    )
    roles: list[RoleHolder]
    distribution: list[DistributionEntry]
    cohorts: list[Cohort]
    commitments: Annotated[list[Commitment], BeforeValidator(_alike)]
    duties: list[Duty] = Field(default=[])
    routing: Branch = DISTRIBUTION
    dossier_routing: Branch = Field(default=DOSSIERS, description="The tree of turns in dossiers of recognition.")
    remind_working_days: int | None = Field(
        default=None, ge=1, le=20, description="How long before a report is due who has not reported is reminded."
    )
    reminder_routing: Branch = Field(default=REMINDERS, description="The tree of these reminders.")
    inhibitions: list[Inhibition] = Field(default=[])
    stated_spans: list[StatedSpan] = Field(default=[])
    stated_units: list[StatedUnit] = Field(default=[])
    stated_counts: list[StatedCount] = Field(default=[])
    sample: bool = False

    @property
    def first_day(self) -> date:
        """The day after the baseline date. Codes in the plan mean the units of that day."""
        return self.baseline_date + _DAY

    def is_closed(self, on: date) -> bool:
        """Tell whether the plan's verdicts stand, whatever becomes known on that day or later."""
        return self.closes is not None and on > self.closes

    def role_on(self, role: Role, on: date) -> RoleHolder | None:
        """Return the role, or the one to which it has passed by that day; None before it begins and where it ended."""
        holders = {holder.role: holder for holder in self.roles}
        holder = holders.get(role)
        while holder is not None and holder.valid_to is not None and holder.valid_to < on:
            holder = holders.get(holder.passes_to) if holder.passes_to else None
        return holder if holder is not None and holder.holds_on(on) else None

    def owners_on(self, criteria: Collection[CriterionKey], on: date) -> list[RoleHolder]:
        """Return the roles that own one of these criteria on a day, in the plan's order."""
        holders = (self.role_on(holder.role, on) for holder in self.roles if not set(holder.owns).isdisjoint(criteria))
        return list({holder.role: holder for holder in holders if holder}.values())

    @property
    def horizon(self) -> date:
        """The first day whose figures matter: the plan is judged by figures of its own year and of the year before.

        Figures for periods that ended earlier are kept and not judged.
        """
        return date(self.year - 1, 1, 1)


class SampleCohorts(Record):
    """Invented members for cohorts and groups whose members are not known. Sample data, never reference data."""

    members: dict[str, list[UnitCode]]
    groups: dict[str, list[UnitCode]] = Field(
        default={}, description="Communes that are taken to be of a group, in every list of the group."
    )


CRITERION_OWNER: Role = "criterion_owner"
COMMITMENT_OWNER: Role = "commitment_owner"
