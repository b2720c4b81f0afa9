"""The reasons of a verdict in words, in Vietnamese and English, from one set of templates."""

from __future__ import annotations

from collections.abc import Sequence

from services.scoring.judging.observations import Observation
from services.scoring.texts import phrase
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.period import Period
from shared.contracts.status import Status

_DECIMALS = {"percent": 2, "criteria": 2}
_USUAL_DECIMALS = 1

_COUNTED = frozenset({"communes", "workers", "cases"})
"""Measures of things that are counted one by one."""

_GROUPS = {"men": phrase("reasons.groups.men"), "women": phrase("reasons.groups.women")}

UNITS = {
    "million_dong": phrase("reasons.units.million_dong"),
    "communes": phrase("reasons.units.communes"),
    "workers": phrase("reasons.units.workers"),
    "cases": phrase("reasons.units.cases"),
    "criteria": phrase("reasons.units.criteria"),
}
CRITERIA_IN_ALL = phrase("reasons.units.criteria_in_all")
"""The unit of what lacks to an average: criteria of all communes together."""

_KINDS = {
    "commune": phrase("reasons.kinds.commune"),
    "ward": phrase("reasons.kinds.ward"),
    "town": phrase("reasons.kinds.town"),
}

_T = {
    "no_data": phrase("reasons.no_data"),
    "nobody": phrase("reasons.nobody"),
    "unusable": phrase("reasons.unusable"),
    "contradictory": phrase("reasons.contradictory"),
    "yes": phrase("reasons.yes"),
    "no": phrase("reasons.no"),
    "value": phrase("reasons.value"),
    "path": phrase("reasons.path"),
    "next_at_least": phrase("reasons.next_at_least"),
    "next_at_most": phrase("reasons.next_at_most"),
    "late": phrase("reasons.late"),
    "ahead": phrase("reasons.ahead"),
    "at_least": phrase("reasons.at_least"),
    "at_most": phrase("reasons.at_most"),
    "until": phrase("reasons.until"),
    "trend": phrase("reasons.trend"),
    "silent": phrase("reasons.silent"),
    "reports": phrase("reasons.reports"),
    "too_few": phrase("reasons.too_few"),
    "same_months": phrase("reasons.same_months"),
    "compared_reports": phrase("reasons.compared_reports"),
    "whole": phrase("reasons.whole"),
    "in_kinds": phrase("reasons.in_kinds"),
    "over_units": phrase("reasons.over_units"),
    "stale": phrase("reasons.stale"),
    "stale_communes": phrase("reasons.stale_communes"),
    "stale_not_counted": phrase("reasons.stale_not_counted"),
    "criteria_without": phrase("reasons.criteria_without"),
    "criteria_stale": phrase("reasons.criteria_stale"),
    "waiting_criteria": phrase("reasons.waiting_criteria"),
    "waiting_communes": phrase("reasons.waiting_communes"),
    "met_by_communes": phrase("reasons.met_by_communes"),
    "compared_communes": phrase("reasons.compared_communes"),
    "first_figures": phrase("reasons.first_figures"),
    "span": phrase("reasons.span"),
    "open_span": phrase("reasons.open_span"),
    "too_late": phrase("reasons.too_late"),
    "no_trend": phrase("reasons.no_trend"),
    "provisional": phrase("reasons.provisional"),
    "unverified": phrase("reasons.unverified"),
    "unverified_source": phrase("reasons.unverified_source"),
    "break_in_series": phrase("reasons.break_in_series"),
    "formula": phrase("reasons.formula"),
    "not_reported": phrase("reasons.not_reported"),
    "overdue": phrase("reasons.overdue"),
    "points": phrase("reasons.points"),
}


def explain(parts: Sequence[Part], overdue: Sequence[str]) -> Bilingual:
    """Return the reason of a verdict, beginning with the worst part."""
    ordered = sorted(parts, key=lambda part: part.status.severity)
    return Bilingual(vi=_explain(ordered, overdue, "vi"), en=_explain(ordered, overdue, "en"))


def contradiction(observation: Observation | None, names: Sequence[Bilingual]) -> Bilingual | None:
    """Return the figures that cannot stand together; None where they can.

    `names`: those of the elements that break a sum rule, the whole last; empty where a part merely exceeds its whole.
    """
    if observation is None or not observation.is_contradictory:
        return None
    return Bilingual(vi=_contradiction(observation, names, "vi"), en=_contradiction(observation, names, "en"))


def _contradiction(observation: Observation, names: Sequence[Bilingual], language: Language) -> str:
    if (broken := observation.broken) is None:
        assert observation.denominator is not None  # noqa: S101 - only a share can contradict itself
        return f"{text.number(observation.numerator, language)}/{text.number(observation.denominator, language)}"
    *parts, whole = (name.in_(language) for name in names)
    total, expected = text.number(broken.total, language), text.number(broken.whole, language)
    return f"{' + '.join(parts)} = {total}, {whole} = {expected}"


def _explain(parts: Sequence[Part], overdue: Sequence[str], language: Language) -> str:
    sentences = " ".join(_sentence(part, language) for part in parts)
    if overdue:
        periods = ", ".join(text.period_name(Period.parse(period), language) for period in overdue)
        sentences += _T["overdue"].in_(language).format(periods=periods)
    return sentences


def _sentence(part: Part, language: Language) -> str:
    name = part.name.in_(language)
    if part.group:
        name += f" ({_GROUPS[part.group].in_(language)})"
    source = f" ({text.period_name(part.period, language)})" if part.period else ""
    if not part.applies:
        return _T["nobody"].in_(language).format(name=name, source=source)
    if part.contradiction:
        figures = part.contradiction.in_(language)
        return _T["contradictory"].in_(language).format(name=name, figures=figures, source=source)
    if part.value is None and part.denominator == 0:
        return _T["unusable"].in_(language).format(name=name, source=source)
    if part.value is None or part.goal is None:
        clauses = _not_reported(part, language) + _formula(part, language) + _series(part, language)
        return _T["no_data"].in_(language).format(name=name, clauses=clauses)
    if part.measured_in == "yes_no":
        age = _stale(part, language) + _series(part, language)
        return _T["yes" if part.value >= part.goal else "no"].in_(language).format(name=name, source=source, age=age)

    sign = "≥" if part.direction == "at_least" else "≤"
    says_path = part.status not in (Status.MET, Status.MISSED, Status.NO_DATA)
    usual = _DECIMALS.get(part.measured_in, _USUAL_DECIMALS)
    digits = text.digits_apart(part.value, part.goal, part.required if says_path else None, usual=usual)
    sentence = (
        _T["value"]
        .in_(language)
        .format(
            name=name,
            value=amount(part.value, part.measured_in, language, digits=digits),
            counts=_counts(part, language) + _where(part, language),
            source=source,
            sign=sign,
            goal=amount(_bound(part.goal, part), part.measured_in, language, digits=digits),
            unverified="" if part.verified else _T["unverified"].in_(language),
        )
    )
    if says_path:
        sentence += _path(part, sign, language, digits)
    if part.status != Status.NO_DATA:
        sentence += _lacking(part, language)
    sentence += _formula(part, language) + _series(part, language) + _compared(part, language, digits)
    sentence += _complete(part, language) + _trend(part, language)
    if part.provisional:
        sentence += _T["provisional"].in_(language)
    return sentence + "."


def _path(part: Part, sign: str, language: Language, digits: int | None) -> str:
    if part.required is None or part.required_on is None or part.gap is None:
        return ""
    apart = abs(part.gap)
    if part.measured_in in _COUNTED:
        apart = text.whole(apart, "at_least" if part.gap > 0 else "at_most")
    gap = amount(apart, part.measured_in, language, difference=True, digits=digits)
    return (
        _T["path"]
        .in_(language)
        .format(
            on=text.day(part.required_on, language),
            sign=sign,
            required=amount(_bound(part.required, part), part.measured_in, language, digits=digits),
            gap=_T["late" if part.gap > 0 else "ahead"].in_(language).format(gap=gap),
        )
    )


def _bound(value: float, part: Part) -> float:
    """Return a goal or a point of the path as people can fulfil it: a whole number of what is counted one by one."""
    return text.whole(value, part.direction) if part.measured_in in _COUNTED else value


def _lacking(part: Part, language: Language) -> str:
    """Return how many countable things are missing to the path's next point and to the goal, in words."""
    clauses = ""
    counted = part.missing_unit or UNITS.get(part.measured_in)
    if counted is None:
        return clauses
    unit = counted.in_(language)
    if part.next and part.next.missing:
        missing, on = text.number(part.next.missing, language), text.day(part.next.on, language)
        clauses += _T[f"next_{part.direction}"].in_(language).format(missing=missing, unit=unit, on=on)
    if part.missing:
        until = ""
        if part.deadline and part.status != Status.MISSED:
            until = _T["until"].in_(language).format(deadline=text.day(part.deadline, language))
        missing = text.number(part.missing, language)
        clauses += _T[part.direction].in_(language).format(missing=missing, unit=unit, until=until)
    return clauses


def _compared(part: Part, language: Language, digits: int | None) -> str:
    """Return in words what the value is compared with and of how many; empty where no change is asked for."""
    if part.compared is None:
        return ""
    clauses = ""
    if part.units_expected is None:
        before = amount(part.baseline or 0, part.measured_in, language, digits=digits)
        clauses += _T["same_months"].in_(language).format(before=before)
        if part.reports_due:
            clauses += (
                _T["compared_reports"]
                .in_(language)
                .format(compared=text.number(part.compared, language), due=text.number(part.reports_due, language))
            )
    else:
        compared, counted = text.number(part.compared, language), text.number(part.units_counted or 0, language)
        key = "first_figures" if part.begins_with_first else "compared_communes"
        clauses += _T[key].in_(language).format(compared=compared, counted=counted, kinds=_kinds(part, language))
    if part.whole is not None:
        clauses += _T["whole"].in_(language).format(whole=amount(part.whole, part.measured_in, language, digits=digits))
    return clauses


def _formula(part: Part, language: Language) -> str:
    """Return in words by which of several formulas the value is calculated; empty where there is only one."""
    formula = part.formula
    if formula is None:
        return ""
    unverified = "" if formula.verified else _T["unverified_source"].in_(language)
    return _T["formula"].in_(language).format(name=formula.name.in_(language), unverified=unverified)


def _not_reported(part: Part, language: Language) -> str:
    """Return in words which figures are missing where others have come; empty where none has come."""
    if not part.not_reported:
        return ""
    names = ", ".join(name.in_(language) for name in part.not_reported)
    return _T["not_reported"].in_(language).format(names=names)


def _series(part: Part, language: Language) -> str:
    """Return in words since when figures are counted otherwise, and so not compared; empty where they always were."""
    broken = part.break_in_series
    if broken is None:
        return ""
    return (
        _T["break_in_series"]
        .in_(language)
        .format(
            day=text.day(broken.valid_from, language),
            reason=broken.reason.in_(language),
            unverified="" if broken.verified else _T["unverified_source"].in_(language),
        )
    )


def _complete(part: Part, language: Language) -> str:
    """Return in words how many reports have come, how many communes are silent, and whether that is too little."""
    clauses = ""
    if part.reports_due:
        came, due = text.number(part.reports_in or 0, language), text.number(part.reports_due, language)
        clauses += _T["reports"].in_(language).format(came=came, due=due)
    clauses += _silent(part, language) + _stale(part, language) + _criteria(part, language)
    return clauses + (_T["too_few"].in_(language) if part.status == Status.NO_DATA else "")


def _criteria(part: Part, language: Language) -> str:
    """Return in words how many of the communes' criteria have no figures, or figures that are old or awaited."""
    if part.criteria_without_figures is None:
        return ""  # criteria are not counted
    waiting = "waiting_criteria" if part.measured_in == "criteria" else "waiting_communes"
    counts = {
        "criteria_without": part.criteria_without_figures,
        "criteria_stale": part.criteria_stale,
        waiting: part.criteria_waiting,
    }
    return "".join(
        _T[key].in_(language).format(count=text.number(count, language), months=part.stale_after_months)
        for key, count in counts.items()
        if count
    )


def _silent(part: Part, language: Language) -> str:
    """Return how many of the communes behind a sum have no figures, in words; empty where all have."""
    if part.units_counted is None or part.units_expected is None or part.units_counted >= part.units_expected:
        return ""
    silent, expected = part.units_expected - part.units_counted, part.units_expected
    return (
        _T["silent"]
        .in_(language)
        .format(
            silent=text.number(silent, language), expected=text.number(expected, language), kinds=_kinds(part, language)
        )
    )


def _where(part: Part, language: Language) -> str:
    """Return in words which units a sum or rate is of, and how many; empty for everything else."""
    if not part.counted_in:
        return ""
    if part.units_expected is None:
        return _T["in_kinds"].in_(language).format(kinds=_kinds(part, language))
    expected = text.number(part.units_expected, language)
    return _T["over_units"].in_(language).format(expected=expected, kinds=_kinds(part, language))


def _kinds(part: Part, language: Language) -> str:
    return ", ".join(_KINDS[kind].in_(language) for kind in part.counted_in or ("commune",))


def _stale(part: Part, language: Language) -> str:
    """Return in words how old figures are that are too old to stand for the present; empty where none are."""
    if not part.stale or part.stale_after_months is None:
        return ""
    months = text.number(part.stale_after_months, language)
    if part.age_months is not None:
        return _T["stale"].in_(language).format(age=text.number(part.age_months, language), months=months)
    if part.units_stale is None or part.units_expected is None:
        return ""
    counts = part.measured_in == "communes"
    stale, expected = text.number(part.units_stale, language), text.number(part.units_expected, language)
    words = _T["stale_not_counted" if counts else "stale_communes"].in_(language)
    return words.format(stale=stale, expected=expected, months=months, kinds=_kinds(part, language))


def _trend(part: Part, language: Language) -> str:
    trend = part.projected
    if trend is None:
        return ""
    if trend.on is None or trend.earliest is None:
        return _T["no_trend"].in_(language)
    on, earliest = text.quarter_of(trend.on, language), text.quarter_of(trend.earliest, language)
    latest = text.quarter_of(trend.latest, language) if trend.latest else None
    span = "" if latest == earliest else _T["span" if latest else "open_span"].in_(language)
    clause = _T["trend"].in_(language).format(on=on, span=span.format(earliest=earliest, latest=latest))
    return clause + (_T["too_late"].in_(language) if trend.in_time is False else "")


def amount(
    value: float, measured_in: str, language: Language, *, difference: bool = False, digits: int | None = None
) -> str:
    """Return a value with its unit; a difference of percentages is in points.

    `digits`: decimals; None: as many as the value needs, at most two for percentages and averages, else one.
    """
    if measured_in == "percent":
        if difference:
            return text.number(value, language, digits) + _T["points"].in_(language)
        return text.percent(value, language, digits)
    if digits is None:
        value = round(value, _DECIMALS.get(measured_in, _USUAL_DECIMALS))
    unit = UNITS.get(measured_in)
    return text.number(value, language, digits) + (f" {unit.in_(language)}" if unit else "")


def _counts(part: Part, language: Language) -> str:
    if part.numerator is None or part.denominator is None:
        return ""
    if part.measured_in == "criteria":
        met, communes = text.number(part.numerator, language), text.number(part.denominator, language)
        return _T["met_by_communes"].in_(language).format(met=met, communes=communes)
    unit = f" {part.missing_unit.in_(language)}" if part.missing_unit else ""
    return f" ({text.number(part.numerator, language)}/{text.number(part.denominator, language)}{unit})"
