"""Checks of a paper's numbers and dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from shared.contracts.bilingual import Bilingual
from shared.reference.models import Commitment, Criterion, Rate, StatedCount
from shared.reference.plan_check.finding import Finding, Paper, Severity, joined, listed
from shared.text import day_named, percent
from shared.texts import filled, phrase

RIGHT = Decimal("0.005")
"""The largest difference, in percentage points, of a stated share that is right to two decimals."""

ROUNDING = Decimal("0.01")
"""The largest difference, in percentage points, that wrong rounding explains; a larger one is an error."""

_SIGNS = {"at_least": "≥", "at_most": "≤"}


def shares_fit_their_counts(paper: Paper) -> Iterator[Finding]:
    """Find stated shares that do not fit their counts, such as 45,86 % for 87/181."""
    for commitment in paper.plan.commitments:
        goal, whole, stated = commitment.goal, commitment.out_of, commitment.stated_share
        if goal is None or not whole or stated is None:
            continue
        exact = 100 * goal / whole
        if abs(exact - stated) <= RIGHT:
            continue
        count = f"{goal}/{whole}"
        found, expected = percent(stated, "vi", 2), percent(exact, "vi", 2)
        if abs(exact - stated) <= ROUNDING:
            is_cut = stated == exact.quantize(Decimal("0.01"), ROUND_DOWN)
            slip = (
                phrase("plan_check_numbers.share_is_cut")
                if is_cut
                else phrase("plan_check_numbers.share_is_misrounded")
            )
            message = filled(slip, count=count, exact=_share(exact, 3), stated=_share(stated, 2))
            yield Finding((commitment.line,), "warning", "share-rounding", message, found, expected)
            continue
        message = filled(
            phrase("plan_check_numbers.share_is_wrong"), count=count, exact=_share(exact, 2), stated=_share(stated, 2)
        )
        other = (stated * whole / 100).to_integral_value(ROUND_HALF_UP)
        if abs(100 * other / whole - stated) <= RIGHT:
            message = filled(
                phrase("plan_check_numbers.share_is_of_another_count"),
                message=message,
                stated=_share(stated, 2),
                other=other,
                whole=whole,
            )
        yield Finding((commitment.line,), "error", "share-wrong", message, found, expected)


def totals_fit_the_registry(paper: Paper) -> Iterator[Finding]:
    """Find totals (`…/181`) other than the registry's number of communes."""
    plan = paper.plan
    for commitment in plan.commitments:
        if commitment.out_of is None:
            continue
        communes = sum(len(paper.definitions.units.communes(plan.first_day, code)) for code in commitment.units)
        if commitment.out_of != communes:
            message = filled(phrase("plan_check_numbers.total_is_wrong"), stated=commitment.out_of, communes=communes)
            found, expected = str(commitment.out_of), str(communes)
            yield Finding((commitment.line,), "error", "total-wrong", message, found, expected)


def counts_agree(paper: Paper) -> Iterator[Finding]:
    """Find counts of the same cohort that differ."""
    names = {cohort.id: cohort.name for cohort in paper.plan.cohorts}
    by_name: dict[str, list[StatedCount]] = defaultdict(list)
    for count in paper.plan.stated_counts:
        by_name[count.of].append(count)
    for name, counts in by_name.items():
        first = counts[0]
        others = [count for count in counts if count.count != first.count]
        if not others:
            continue
        stated = (
            filled(phrase("plan_check_numbers.count_on_line"), count=each.count, line=listed([each.line]))
            for each in counts
        )
        message = filled(phrase("plan_check_numbers.counts_disagree"), cohort=names[name], counts=joined(", ", stated))
        lines = tuple(dict.fromkeys(count.line for count in counts))
        yield Finding(lines, "error", "counts-disagree", message, others[0].quote)


def dates_lie_in_the_plans_year(paper: Paper) -> Iterator[Finding]:
    """Find activities that are dated outside of the plan's year."""
    year = paper.plan.year
    for span in paper.plan.stated_spans:
        if span.expects_plan_year and not span.first.year == span.last.year == year:
            message = filled(
                phrase("plan_check_numbers.outside_the_plans_year"),
                what=span.what,
                first=day_named(span.first),
                last=day_named(span.last),
                year=year,
            )
            yield Finding((span.line,), "error", "outside-plan-year", message, span.quote, str(year))


def spans_are_the_instruments(paper: Paper) -> Iterator[Finding]:
    """Find strategies and programmes (`giai đoạn 2021-2025`) with another span than their own decision gives them."""
    for span in paper.plan.stated_spans:
        if span.instrument is None:
            continue
        true = paper.definitions.instruments[span.instrument]
        if (span.first.year, span.last.year) != (true.first, true.last):
            stated, expected = f"{span.first.year}-{span.last.year}", f"{true.first}-{true.last}"
            message = filled(
                phrase("plan_check_numbers.span_is_wrong"),
                instrument=true.name,
                expected=expected,
                stated=stated,
                source=true.source,
            )
            severity: Severity = "error" if true.verified else "warning"
            yield Finding((span.line,), severity, "span-wrong", message, span.quote, expected)


def levels_are_the_sets(paper: Paper) -> Iterator[Finding]:
    """Find levels stated for a criterion that are no indicator of it: another share, or another number."""
    for commitment in paper.plan.commitments:
        if commitment.criterion is None or commitment.goal is None:
            continue
        criterion, year = paper.definitions.criterion(commitment.criterion), paper.plan.year
        if _is_an_indicator(commitment, criterion, year):
            continue
        message = filled(
            phrase("plan_check_numbers.no_such_indicator"),
            level=_share(commitment.goal),
            number=criterion.number,
            criterion=criterion.name,
        )
        levels = "; ".join(
            f"{each.number} {each.name.vi} {_SIGNS[each.direction]} {_share(goal.goal).vi}"
            for each in criterion.indicators
            for goal in each.goals_in(year)
        )
        yield Finding((commitment.line,), "warning", "no-such-indicator", message, commitment.quote, levels)


def _is_an_indicator(commitment: Commitment, criterion: Criterion, year: int) -> bool:
    measure = commitment.measure
    if not isinstance(measure, Rate):
        return False
    counted = set(measure.element_codes)
    return any(
        indicator.direction == commitment.direction
        and any(goal.goal == commitment.goal for goal in indicator.goals_in(year))
        and {code for group in indicator.groups for code in group.measure.element_codes} == counted
        for indicator in criterion.indicators
    )


def _share(value: Decimal, digits: int | None = None) -> Bilingual:
    return Bilingual(vi=percent(value, "vi", digits), en=percent(value, "en", digits))
