"""Criteria sets: criteria, their indicators, and the goals that communes have to reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import UnitCode
from shared.reference.models.record import CriterionKey, Record, Term


class Ratio(Record):
    """Share of sums, in percent: 100 x sum(numerator) / sum(denominator), all of one period."""

    numerator: list[str] = Field(min_length=1)
    numerator_less: list[str] = Field(default=[], description="What is taken off the numerator.")
    denominator: list[str] = Field(min_length=1)
    denominator_less: list[str] = Field(default=[], description="What is taken off the denominator.")
    may_be_empty: bool = Field(
        default=False,
        description="A denominator of 0 is right, as where a commune has no child of six: the measure then does not "
        "apply and hinders nothing. Elsewhere nothing can be calculated from it.",
    )

    @cached_property
    def element_codes(self) -> list[str]:
        """All elements that have to be counted for the measure."""
        return [*self.numerator, *self.numerator_less, *self.denominator, *self.denominator_less]


class Amount(Record):
    """The sum of elements as they are, of one period."""

    elements: list[str] = Field(min_length=1)

    @property
    def element_codes(self) -> list[str]:
        """All elements that have to be counted for the measure."""
        return self.elements


class YesNo(Record):
    """A statement that holds or not."""

    element: str

    @property
    def element_codes(self) -> list[str]:
        """The element that has to be stated for the measure."""
        return [self.element]


def _measure_by_its_fields(value: Any) -> str:
    fields = value if isinstance(value, dict) else type(value).model_fields
    return "amount" if "elements" in fields else "yes_no" if "element" in fields else "ratio"


class Group(Record):
    """One measure of an indicator; with `group` where the set judges men and women separately."""

    group: Literal["men", "women"] | None = None
    measure: Annotated[
        Annotated[Ratio, Tag("ratio")] | Annotated[Amount, Tag("amount")] | Annotated[YesNo, Tag("yes_no")],
        Discriminator(_measure_by_its_fields),
    ]


class Formula(Record):
    """By what formula a measure is calculated, where its source may be read in several ways."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Bilingual = Field(description="The reading in words, as in 'formula: ...'.")
    verified: bool
    source: str


class Variant(Formula):
    """Another formula of an indicator, which a plan may choose."""

    measure: Ratio


class Goal(Record):
    """A number to reach. Without years and communes it is for all of them; both years are included."""

    goal: Decimal = Field(description="In the level's `measured_in`; 1 for yes/no.")
    from_year: int | None = None
    to_year: int | None = None
    communes: str | None = Field(default=None, description="Id of one of the set's groups of communes.")
    verified: bool
    source: str

    def holds_in(self, year: int) -> bool:
        """Say whether the goal is for this year."""
        return (self.from_year is None or self.from_year <= year) and (self.to_year is None or year <= self.to_year)


class Level(Record):
    """A level that a set asks for: one number (`goal`, `verified`, `source`), or `goals` by year and communes."""

    number: str
    name: Bilingual
    direction: Literal["at_least", "at_most"]
    measured_in: Literal["percent", "million_dong", "yes_no"]
    goals: list[Goal] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_number_is_for_all(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "goals" in value:
            return value
        of_goal = {"goal", "verified", "source"}
        rest = {name: one for name, one in value.items() if name not in of_goal}
        return {**rest, "goals": [{name: one for name, one in value.items() if name in of_goal}]}

    def goals_in(self, year: int) -> list[Goal]:
        """Return the goals of a year: one for all communes, or one for each group of communes."""
        return [goal for goal in self.goals if goal.holds_in(year)]


class Indicator(Level):
    """A level that has to hold for each of its groups."""

    counted: Bilingual | None = Field(default=None, description="The unit of what is still missing: hộ / households.")
    groups: list[Group] = Field(min_length=1)
    formula: Formula | None = Field(
        default=None, description="The reading on which the measure rests; None: there is only one."
    )
    variants: list[Variant] = Field(default=[], description="The other readings, of which a plan may choose one.")

    def by(self, formula: str) -> Indicator:
        """Return the indicator calculated by one of its variants; itself where it has no such variant."""
        for variant in self.variants:
            if variant.id == formula:
                chosen = Formula.model_validate(variant.model_dump(exclude={"measure"}))
                return self.but(groups=[Group(measure=variant.measure)], formula=chosen)
        return self

    @cached_property
    def element_codes(self) -> tuple[str, ...]:
        """All elements that the indicator is calculated from, each once."""
        return tuple(dict.fromkeys(code for group in self.groups for code in group.measure.element_codes))


class Lead(Term):
    """The sector that answers for a criterion in a time of its own."""

    lead: Bilingual
    verified: bool
    source: str


class Criterion(Record):
    """A criterion, which a commune meets when it meets all its indicators."""

    number: int
    name: Bilingual
    sector: str = Field(description="Key of the sector that answers for it: `labour`, `education`, ...")
    lead: Bilingual = Field(description="That sector's name, where no other leads in its place.")
    other_leads: list[Lead] = Field(default=[], description="Those that lead in times of their own, as after a merger.")
    official: Literal["year"] | None = Field(
        default=None, description="Readings of shorter periods are provisional until this one comes."
    )
    indicators: list[Indicator] = Field(min_length=1)
    unjudged: list[Level] = Field(default=[], description="Levels told for information: nothing is judged by them.")

    def lead_on(self, on: date) -> Bilingual:
        """Return the name of the sector that leads on a day."""
        return next((other.lead for other in self.other_leads if other.holds_on(on)), self.lead)

    def by(self, formula: str) -> Criterion:
        """Return the criterion with the indicators that have this variant calculated by it."""
        return self.but(indicators=[indicator.by(formula) for indicator in self.indicators])

    @property
    def formula(self) -> Formula | None:
        """The first of the readings on which its indicators rest; None where none can be read in several ways."""
        return next((indicator.formula for indicator in self.indicators if indicator.formula), None)

    @property
    def formulas(self) -> list[str]:
        """The ids of all readings of its indicators."""
        readings = (each for indicator in self.indicators for each in (indicator.formula, *indicator.variants) if each)
        return list(dict.fromkeys(reading.id for reading in readings))

    @cached_property
    def measures(self) -> list[Ratio | Amount | YesNo]:
        """All measures of the criterion, in the order of its indicators and their groups."""
        return [group.measure for indicator in self.indicators for group in indicator.groups]

    @cached_property
    def element_codes(self) -> list[str]:
        """All elements that have to be reported for the criterion, each once, in the order of its indicators."""
        return list(dict.fromkeys(code for measure in self.measures for code in measure.element_codes))


class CommuneGroup(Record):
    """Communes for which the set has goals of their own; a commune belongs to the first group that names it."""

    id: str
    name: Bilingual
    units: list[UnitCode] = Field(min_length=1, description="Communes, or units with everything below them.")


class KeyCriteria(Record):
    """Criteria that weigh more when a recognition is reconsidered."""

    numbers: list[int] = Field(min_length=1)
    verified: bool
    source: str


class Withdrawal(Record):
    """The share of a set's criteria that no longer hold from which on a recognition is to be withdrawn, in percent."""

    from_percent: Decimal = Field(gt=0, le=100, description="From this share on, whichever criteria fail.")
    from_percent_with_key: Decimal = Field(
        gt=0, le=100, description="From this share on, if a key criterion fails too."
    )
    key_criteria: KeyCriteria | None = Field(default=None, description="None: the key criteria are not known.")
    verified: bool
    source: str


class RecognitionRule(Record):
    """The element by which decisions on recognition come in: yes (recognised) or no (withdrawn)."""

    element: str
    after: str | None = Field(default=None, description="The set by which a commune has to be recognised before.")
    withdrawal: Withdrawal | None = Field(default=None, description="None: cannot be told, as criteria are missing.")


class CriteriaSet(Record):
    """A set of criteria with its time in force: `ntm` by Decision 318/QĐ-TTg, `advanced` beside it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Bilingual
    region: Bilingual
    source: str
    valid_from: date
    valid_to: date | None
    replaces: str | None = Field(
        default=None, description="The set whose place it takes: who is judged by that one is judged by this one too."
    )
    commune_groups: list[CommuneGroup] = Field(default=[])
    recognition: RecognitionRule | None = None
    criteria: list[Criterion]

    def by(self, formulas: Mapping[CriterionKey, str]) -> CriteriaSet:
        """Return the set with its criteria calculated by these formulas, by the criterion's key."""
        if not any(self.key(criterion) in formulas for criterion in self.criteria):
            return self
        criteria = [
            criterion.by(formulas[key]) if (key := self.key(criterion)) in formulas else criterion
            for criterion in self.criteria
        ]
        return self.but(criteria=criteria)

    def key(self, criterion: Criterion) -> CriterionKey:
        """Return the key of one of the set's criteria, such as `ntm-11`."""
        return f"{self.id}-{criterion.number}"

    @property
    def first_year(self) -> int:
        """The first year whose plans are judged by the set: it has to be in force at the year's end."""
        return self.valid_from.year

    @property
    def last_year(self) -> int | None:
        """The last year whose plans are judged by the set; None: no end is known."""
        return (self.valid_to + timedelta(days=1)).year - 1 if self.valid_to else None

    def is_for(self, year: int) -> bool:
        """Say whether plans for this year are judged by the set."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)
