"""Checks of numbers and dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from shared.contracts.words import Bilingual, Language
from shared.reference.models import Commitment, Criterion, Rate, StatedCount
from shared.reference.plan_check.finding import LANGUAGES, Finding, Paper, Severity
from shared.text import day, number, percent

RIGHT = Decimal("0.005")
"""Off by so many percentage points at most, a stated share is right to two decimals."""

ROUNDING = Decimal("0.01")
"""Off by so many at most, it was rounded wrongly; more is an error."""

_SIGNS = {"at_least": "≥", "at_most": "≤"}


def shares_fit_their_counts(paper: Paper) -> Iterator[Finding]:
    """`87/181, 45,86 %`: the share must be the count's."""
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
            cut = stated == exact.quantize(Decimal("0.01"), ROUND_DOWN)
            message = Bilingual(
                vi=f"{count} là {percent(exact, 'vi', 3)}: {found} {'bị cắt' if cut else 'sai'} khi làm tròn",
                en=f"{count} is {percent(exact, 'en', 3)}: {percent(stated, 'en', 2)} is "
                + ("cut instead of rounded" if cut else "rounded wrongly"),
            )
            yield Finding((commitment.line,), "warning", "share-rounding", message, found, expected)
            continue
        message = Bilingual(
            vi=f"{count} là {expected}, không phải {found}",
            en=f"{count} is {percent(exact, 'en', 2)}, not {percent(stated, 'en', 2)}",
        )
        other = (stated * whole / 100).to_integral_value(ROUND_HALF_UP)
        if abs(100 * other / whole - stated) <= RIGHT:
            message = Bilingual(
                vi=f"{message.vi} ({found} là tỷ lệ của {other}/{whole})",
                en=f"{message.en} ({percent(stated, 'en', 2)} is the share of {other}/{whole})",
            )
        yield Finding((commitment.line,), "error", "share-wrong", message, found, expected)


def totals_fit_the_registry(paper: Paper) -> Iterator[Finding]:
    """`…/181`: so many communes must there be."""
    plan = paper.plan
    for commitment in plan.commitments:
        if commitment.out_of is None:
            continue
        communes = sum(len(paper.catalogue.units.communes(plan.first_day, code)) for code in commitment.units)
        if commitment.out_of != communes:
            message = Bilingual(
                vi=f"kế hoạch tính trên {commitment.out_of} xã, danh mục có {communes} xã",
                en=f"the plan counts {commitment.out_of} communes, the registry has {communes}",
            )
            found, expected = str(commitment.out_of), str(communes)
            yield Finding((commitment.line,), "error", "total-wrong", message, found, expected)


def counts_agree(paper: Paper) -> Iterator[Finding]:
    """What is counted twice must come to the same."""
    names = {cohort.id: cohort.name for cohort in paper.plan.cohorts}
    by_name: dict[str, list[StatedCount]] = defaultdict(list)
    for count in paper.plan.stated_counts:
        by_name[count.of].append(count)
    for name, counts in by_name.items():
        first = counts[0]
        others = [count for count in counts if count.count != first.count]
        if not others:
            continue
        told_vi, told_en = (
            ", ".join(f"{each.count} ({word} {each.line})" for each in counts) for word in ("dòng", "line")
        )
        message = Bilingual(
            vi=f"{names[name].vi}: các con số không khớp nhau: {told_vi}",
            en=f"{names[name].en}: the counts disagree: {told_en}",
        )
        lines = tuple(dict.fromkeys(count.line for count in counts))
        yield Finding(lines, "error", "counts-disagree", message, others[0].quote)


def dates_lie_in_the_plans_year(paper: Paper) -> Iterator[Finding]:
    """An activity of the plan happens in the plan's year."""
    year = paper.plan.year
    for span in paper.plan.stated_spans:
        if span.expects_plan_year and not span.first.year == span.last.year == year:
            span_vi, span_en = (f"{day(span.first, one)} - {day(span.last, one)}" for one in LANGUAGES)
            message = Bilingual(
                vi=f"{span.what.vi}: {span_vi} nằm ngoài năm kế hoạch {year}",
                en=f"{span.what.en}: {span_en} lies outside the plan's year {year}",
            )
            yield Finding((span.line,), "error", "outside-plan-year", message, span.quote, str(year))


def spans_are_the_instruments(paper: Paper) -> Iterator[Finding]:
    """`giai đoạn 2021-2025`: a strategy or programme has the span that its own decision gives it."""
    for span in paper.plan.stated_spans:
        if span.instrument is None:
            continue
        true = paper.catalogue.instruments[span.instrument]
        if (span.first.year, span.last.year) != (true.first, true.last):
            stated, expected = f"{span.first.year}-{span.last.year}", f"{true.first}-{true.last}"
            message = Bilingual(
                vi=f"{true.name.vi} là giai đoạn {expected}, không phải {stated} ({true.source})",
                en=f"{true.name.en}: the span is {expected}, not {stated} ({true.source})",
            )
            severity: Severity = "error" if true.verified else "warning"
            yield Finding((span.line,), severity, "span-wrong", message, span.quote, expected)


def levels_are_the_sets(paper: Paper) -> Iterator[Finding]:
    """A level stated of a criterion should be one of its indicators: the same share, the same number."""
    for commitment in paper.plan.commitments:
        if commitment.criterion is None or commitment.goal is None:
            continue
        criterion, year = paper.catalogue.criterion(commitment.criterion), paper.plan.year
        if _is_an_indicator(commitment, criterion, year):
            continue
        message = Bilingual(
            vi=f"mức {_level(commitment.goal, 'vi')} không phải chỉ tiêu nào của tiêu chí "
            f"{criterion.number} {criterion.name.vi}",
            en=f"the level of {_level(commitment.goal, 'en')} is no indicator of criterion "
            f"{criterion.number} {criterion.name.en}",
        )
        levels = "; ".join(
            f"{each.number} {each.name.vi} {_SIGNS[each.direction]} {_level(goal.goal, 'vi')}"
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


def _level(value: Decimal, language: Language) -> str:
    return f"{number(value, language)} %"
