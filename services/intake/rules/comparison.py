"""Comparing a submission with the standing figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from services.intake.rules.standing_figures import Figures, StandingFigures, StandingReading, exact
from services.intake.rules.sums import disagreement, rules_touched
from services.intake.rules.wording import element_named, figure, limit_of
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.submission import Submission, SubmissionWarning, Withdrawal
from shared.problems import Fault, Faults, Warnings
from shared.reference.load import Reference
from shared.reference.models import Element, PlausibleChange, Unit
from shared.reference.naming import unit_named, units_named
from shared.reference.units import DISTRICTS
from shared.time import VIETNAM


@dataclass(frozen=True, slots=True)
class Remarks:
    """The faults and the warnings that follow from a comparison with the standing figures."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[SubmissionWarning] = field(default_factory=list)

    def ask(
        self, code: str, submission: Submission, question: Faults, answered: Warnings, details: dict[str, object]
    ) -> None:
        """Add the question whether a figure is right, or the remark that its sender has confirmed it."""
        if submission.confirmed:
            self.warnings.append(_warning(answered, code, details))
        else:
            self.faults.append(Fault(f"/readings/{code}", question, details))


def compare(submission: Submission, unit: Unit, standing: StandingFigures, reference: Reference) -> Remarks:
    """Compare an examined submission with the standing figures of its unit.

    For each reading `standing` must hold the figures of the same period, of the newest period that ends before, and of
    `reference.official_period`; for the sums, the other elements of `reference.sum_rules_of` in the same period.
    """
    remarks = Remarks()
    period, rank = submission.period, (submission.stage.rank, submission.revision)
    current = standing.figures(unit.key, period)
    fresh: dict[str, Decimal] = {}
    for code, sent in submission.readings.items():
        element, value, stands = reference.elements[code], exact(sent), current.get(code)
        if stands and stands.rank > rank:
            remarks.warnings.append(_warning(Warnings.OUTRANKED, code, _described(element, stands)))
        elif stands and stands.rank == rank and stands.value != value:
            remarks.faults.append(_taken(element, value, stands, _free_revision(submission, current)))
        elif not stands or stands.value != value:
            fresh[code] = value
            limit, before = reference.plausible_change(code), standing.before(unit.key, code, period)
            if before and not reference.are_comparable(code, before.period, period):
                before = None
            if limit and (previous := _far_behind(value, limit, stands, before)):
                details = _change(element, value, previous, limit)
                remarks.ask(code, submission, Faults.NEEDS_CONFIRMATION, Warnings.IMPLAUSIBLE_CHANGE, details)
            elif not value and reference.is_never_zero(code):
                details = {"element": element_named(element)}
                remarks.ask(code, submission, Faults.ZERO_NEEDS_CONFIRMATION, Warnings.ZERO_CONFIRMED, details)
            if reference.is_counted_at_levels(code):
                _add_other_level(remarks, element, unit, period, standing, reference)
        year = reference.official_period(code, period)
        official = standing.at(unit.key, code, year) if year else None
        if official and official.value != value:
            details = {"period": official.period, "official": figure(element, official.value)}
            remarks.warnings.append(_warning(Warnings.OFFICIAL_STANDS, code, details))
    if current and fresh:
        remarks.faults.extend(_sum_faults(submission, fresh, current, reference))
    return remarks


def _add_other_level(
    remarks: Remarks, element: Element, unit: Unit, period: Period, standing: StandingFigures, reference: Reference
) -> None:
    """Add what figures of the district, or of its communes, mean for an element that both count.

    A district's figure is about the whole district, so it counts and theirs do not. The paper says nothing of it: the
    rule is ours. So a commune's figure beside one of its district is refused, and a district's figure beside those of
    its communes carries a warning that says that they count no longer.
    """
    others = reference.units.at_other_level(unit)
    found = [(other, stands) for other in others if (stands := standing.at(other.key, element.code, period))]
    if not found:
        return
    if unit.kind in DISTRICTS:
        named = units_named(other for other, _ in found)
        details = {"element": element_named(element), "others": named, "period": period}
        remarks.warnings.append(_warning(Warnings.COUNTED_BY_COMMUNES, element.code, details))
        return
    other, stands = found[0]
    details = {
        "element": element_named(element),
        "other": unit_named(other),
        "value": figure(element, stands.value),
        "period": period,
    }
    remarks.faults.append(Fault(f"/readings/{element.code}", Faults.COUNTED_AT_OTHER_LEVEL, details))


def _far_behind(value: Decimal, limit: PlausibleChange, *known: StandingReading | None) -> StandingReading | None:
    """Return the known figure from which the value has moved too far; None where the value is plausible.

    A figure is plausible when it is near to the figure that it corrects, or to the figure of the period before: the
    correction of a slip returns to the earlier level.
    """
    figures = [reading for reading in known if reading]
    is_near = any(limit.holds(reading.value, value) for reading in figures)
    return None if is_near or not figures else figures[0]


def _change(element: Element, value: Decimal, previous: StandingReading, limit: PlausibleChange) -> dict[str, object]:
    return {
        "element": element_named(element),
        "value": figure(element, value),
        "previous": figure(element, previous.value),
        "previous_period": previous.period,
        "limit": limit_of(limit, element),
    }


def _free_revision(submission: Submission, current: Figures) -> int:
    """Return the lowest revision under which the whole submission can be sent again unchanged."""
    ours = (current[code] for code in submission.readings if code in current)
    return 1 + max(reading.revision for reading in ours if reading.stage == submission.stage)


def next_revision(submission: Submission, current: Figures) -> int:
    """Return the lowest revision above the submission's own, and above the standing figures of its stage."""
    ours = (current[code] for code in submission.readings if code in current)
    return 1 + max([submission.revision, *(one.revision for one in ours if one.stage == submission.stage)])


def withdrawn(withdrawal: Withdrawal, following: int) -> Fault:
    """Return the fault of what was withdrawn; `following`: the revision under which it may be sent again."""
    details = {
        "agency": withdrawal.agency_name or withdrawal.agency,
        "day": withdrawal.at.astimezone(VIETNAM).date(),
        "reason": withdrawal.reason,
        "next": following,
    }
    return Fault("/revision", Faults.WITHDRAWN, details)


def _taken(element: Element, value: Decimal, stands: StandingReading, free: int) -> Fault:
    named = {"element": element_named(element), "value": figure(element, value), "next": free}
    return Fault(f"/readings/{element.code}", Faults.REVISION_TAKEN, _described(element, stands) | named)


def _described(element: Element, stands: StandingReading) -> dict[str, object]:
    return {
        "standing": figure(element, stands.value),
        "stage": stands.stage,
        "revision": stands.revision,
        "agency": stands.agency,
    }


def _sum_faults(
    submission: Submission, fresh: Mapping[str, Decimal], current: Figures, reference: Reference
) -> Iterator[Fault]:
    """Yield the faults of sums whose members come partly from this submission and partly from the standing figures."""
    values = {**{code: reading.value for code, reading in current.items()}, **fresh}
    for rule in rules_touched(fresh, reference):
        members = (*rule.parts, rule.whole)
        known = [code for code in members if code in current and code not in fresh]
        if known and (broken := disagreement(rule, values, reference)):
            ours = next(code for code in members if code in fresh)
            stands = tuple(_figure_named(reference.elements[code], values[code]) for code in known)
            details = broken.details | {"period": submission.period, "standing": stands}
            yield Fault(f"/readings/{ours}", Faults.STANDING_DISAGREES, details)


def _figure_named(element: Element, value: Decimal) -> Bilingual:
    name, shown = element_named(element), figure(element, value)
    return Bilingual(vi=f"{name.vi} = {shown.vi}", en=f"{name.en} = {shown.en}")


def _warning(kind: Warnings, code: str, details: Mapping[str, object]) -> SubmissionWarning:
    return SubmissionWarning(code=kind.code, pointer=f"/readings/{code}", detail=kind.text(**details))
