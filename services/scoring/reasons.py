"""Pure: the words of a verdict, in Vietnamese and English, from one set of templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from shared import text
from shared.contracts import Bilingual, Language, Part, Status
from shared.contracts.words import Period

STATUS_NAMES = {
    Status.MET: Bilingual(vi="đạt", en="met"),
    Status.ON_TRACK: Bilingual(vi="đúng tiến độ", en="on track"),
    Status.BEHIND: Bilingual(vi="chậm tiến độ", en="behind"),
    Status.MISSED: Bilingual(vi="không hoàn thành", en="missed"),
    Status.NOT_MET: Bilingual(vi="chưa đạt", en="not met"),
    Status.NO_DATA: Bilingual(vi="chưa có số liệu", en="no data"),
}

_GROUPS = {"men": Bilingual(vi="nam", en="men"), "women": Bilingual(vi="nữ", en="women")}

_UNITS = {
    "million_dong": Bilingual(vi="triệu đồng", en="million dong"),
    "communes": Bilingual(vi="xã", en="communes"),
    "workers": Bilingual(vi="lao động", en="workers"),
    "cases": Bilingual(vi="vụ", en="cases"),
}

_T = {
    "no_data": Bilingual(vi="{name}: chưa có số liệu.", en="{name}: no data yet."),
    "yes": Bilingual(vi="{name}: đạt{source}.", en="{name}: holds{source}."),
    "no": Bilingual(vi="{name}: chưa đạt{source}.", en="{name}: does not hold{source}."),
    "value": Bilingual(
        vi="{name}: {value}{counts}{source}; mục tiêu {sign} {goal}{unverified}",
        en="{name}: {value}{counts}{source}; goal {sign} {goal}{unverified}",
    ),
    "path": Bilingual(
        vi="; theo lộ trình đến {on} phải {sign} {required}, {gap}",
        en="; the path asks for {sign} {required} by {on}, {gap}",
    ),
    "late": Bilingual(vi="còn kém {gap}", en="{gap} short"),
    "ahead": Bilingual(vi="vượt {gap}", en="{gap} ahead"),
    "at_least": Bilingual(vi="; còn thiếu {missing} {unit}{until}", en="; {missing} more {unit} to go{until}"),
    "at_most": Bilingual(vi="; còn phải giảm {missing} {unit}{until}", en="; {missing} {unit} too many{until}"),
    "until": Bilingual(vi=" đến {deadline}", en=" until {deadline}"),
    "provisional": Bilingual(vi="; số liệu tạm tính", en="; provisional figures"),
    "unverified": Bilingual(vi=" (ngưỡng chưa đối chiếu văn bản)", en=" (threshold not verified)"),
    "overdue": Bilingual(vi=" Quá hạn báo cáo: {periods}.", en=" Reports overdue: {periods}."),
}


def explain(parts: Sequence[Part], overdue: Sequence[str], on: date) -> Bilingual:
    """Why the verdict is what it is, the worst part first."""
    ordered = sorted(parts, key=lambda part: part.status.severity)
    return Bilingual(vi=_explain(ordered, overdue, on, "vi"), en=_explain(ordered, overdue, on, "en"))


def _explain(parts: Sequence[Part], overdue: Sequence[str], on: date, language: Language) -> str:
    sentences = " ".join(_sentence(part, on, language) for part in parts)
    if overdue:
        periods = ", ".join(text.period_name(Period.parse(period), language) for period in overdue)
        sentences += _T["overdue"].in_(language).format(periods=periods)
    return sentences


def _sentence(part: Part, on: date, language: Language) -> str:
    name = part.name.in_(language)
    if part.group:
        name += f" ({_GROUPS[part.group].in_(language)})"
    if part.value is None or part.goal is None:
        return _T["no_data"].in_(language).format(name=name)
    source = f" ({text.period_name(part.period, language)})" if part.period else ""
    if part.measured_in == "yes_no":
        return _T["yes" if part.value >= part.goal else "no"].in_(language).format(name=name, source=source)

    sign = "≥" if part.direction == "at_least" else "≤"
    sentence = (
        _T["value"]
        .in_(language)
        .format(
            name=name,
            value=amount(part.value, part.measured_in, language),
            counts=_counts(part, language),
            source=source,
            sign=sign,
            goal=amount(part.goal, part.measured_in, language),
            unverified="" if part.verified else _T["unverified"].in_(language),
        )
    )
    if part.required is not None and part.gap is not None and part.status not in (Status.MET, Status.MISSED):
        gap = amount(abs(part.gap), part.measured_in, language, difference=True)
        sentence += (
            _T["path"]
            .in_(language)
            .format(
                on=text.day(on, language),
                sign=sign,
                required=amount(part.required, part.measured_in, language),
                gap=_T["late" if part.gap > 0 else "ahead"].in_(language).format(gap=gap),
            )
        )
    if part.missing:
        unit = part.missing_unit or _UNITS.get(part.measured_in)
        until = ""
        if part.deadline and part.status != Status.MISSED:
            until = _T["until"].in_(language).format(deadline=text.day(part.deadline, language))
        sentence += (
            _T[part.direction]
            .in_(language)
            .format(missing=text.number(part.missing, language), unit=unit.in_(language) if unit else "", until=until)
        )
    if part.provisional:
        sentence += _T["provisional"].in_(language)
    return sentence + "."


def amount(value: float, measured_in: str, language: Language, *, difference: bool = False) -> str:
    """A value with its unit; a difference of percentages is in points."""
    if measured_in == "percent":
        if difference:
            return text.number(round(value, 2), language) + (" điểm %" if language == "vi" else " points")
        return text.percent(value, language)
    unit = _UNITS.get(measured_in)
    rounded = round(value, 1)
    return f"{text.number(int(rounded) if rounded == int(rounded) else rounded, language)}" + (
        f" {unit.in_(language)}" if unit else ""
    )


def _counts(part: Part, language: Language) -> str:
    if part.numerator is None or part.denominator is None:
        return ""
    unit = f" {part.missing_unit.in_(language)}" if part.missing_unit else ""
    return f" ({text.number(part.numerator, language)}/{text.number(part.denominator, language)}{unit})"
