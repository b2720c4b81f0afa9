"""Pure: the words of a verdict, in Vietnamese and English, from one set of templates."""

from __future__ import annotations

from collections.abc import Sequence

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

UNITS = {
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
    "next_at_least": Bilingual(
        vi="; đến {on} cần thêm {missing} {unit} để đúng lộ trình",
        en="; {missing} more {unit} by {on} to be on the path",
    ),
    "next_at_most": Bilingual(
        vi="; đến {on} cần giảm thêm {missing} {unit} để đúng lộ trình",
        en="; {missing} fewer {unit} by {on} to be on the path",
    ),
    "late": Bilingual(vi="còn kém {gap}", en="{gap} short"),
    "ahead": Bilingual(vi="vượt {gap}", en="{gap} ahead"),
    "at_least": Bilingual(vi="; còn thiếu {missing} {unit}{until}", en="; {missing} more {unit} to go{until}"),
    "at_most": Bilingual(vi="; còn phải giảm {missing} {unit}{until}", en="; {missing} {unit} too many{until}"),
    "until": Bilingual(vi=" đến {deadline}", en=" until {deadline}"),
    "trend": Bilingual(
        vi="; theo xu hướng đạt vào khoảng {on} ({span})", en="; by the trend it is reached about {on} ({span})"
    ),
    "span": Bilingual(vi="từ {earliest} đến {latest}", en="between {earliest} and {latest}"),
    "open_span": Bilingual(vi="sớm nhất {earliest}", en="at the earliest {earliest}"),
    "too_late": Bilingual(vi=", sau thời hạn", en=", after the deadline"),
    "no_trend": Bilingual(
        vi="; xu hướng hiện nay không dẫn tới mục tiêu", en="; the present trend does not lead to the goal"
    ),
    "provisional": Bilingual(vi="; số liệu tạm tính", en="; provisional figures"),
    "unverified": Bilingual(vi=" (ngưỡng chưa đối chiếu văn bản)", en=" (threshold not verified)"),
    "overdue": Bilingual(vi=" Quá hạn báo cáo: {periods}.", en=" Reports overdue: {periods}."),
}


def explain(parts: Sequence[Part], overdue: Sequence[str]) -> Bilingual:
    """Why the verdict is what it is, the worst part first."""
    ordered = sorted(parts, key=lambda part: part.status.severity)
    return Bilingual(vi=_explain(ordered, overdue, "vi"), en=_explain(ordered, overdue, "en"))


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
    if part.status not in (Status.MET, Status.MISSED):
        sentence += _path(part, sign, language)
    sentence += _lacking(part, language) + _trend(part, language)
    if part.provisional:
        sentence += _T["provisional"].in_(language)
    return sentence + "."


def _path(part: Part, sign: str, language: Language) -> str:
    if part.required is None or part.required_on is None or part.gap is None:
        return ""
    gap = amount(abs(part.gap), part.measured_in, language, difference=True)
    return (
        _T["path"]
        .in_(language)
        .format(
            on=text.day(part.required_on, language),
            sign=sign,
            required=amount(part.required, part.measured_in, language),
            gap=_T["late" if part.gap > 0 else "ahead"].in_(language).format(gap=gap),
        )
    )


def _lacking(part: Part, language: Language) -> str:
    """What lacks to the path's next point, and to the goal, in things that people count."""
    told = ""
    counted = part.missing_unit or UNITS.get(part.measured_in)
    if counted is None:
        return told
    unit = counted.in_(language)
    if part.next and part.next.missing:
        missing, on = text.number(part.next.missing, language), text.day(part.next.on, language)
        told += _T[f"next_{part.direction}"].in_(language).format(missing=missing, unit=unit, on=on)
    if part.missing:
        until = ""
        if part.deadline and part.status != Status.MISSED:
            until = _T["until"].in_(language).format(deadline=text.day(part.deadline, language))
        missing = text.number(part.missing, language)
        told += _T[part.direction].in_(language).format(missing=missing, unit=unit, until=until)
    return told


def _trend(part: Part, language: Language) -> str:
    found = part.projected
    if found is None:
        return ""
    if found.on is None or found.earliest is None:
        return _T["no_trend"].in_(language)
    earliest = text.day(found.earliest, language)
    latest = text.day(found.latest, language) if found.latest else None
    span = _T["span" if latest else "open_span"].in_(language).format(earliest=earliest, latest=latest)
    told = _T["trend"].in_(language).format(on=text.day(found.on, language), span=span)
    return told + (_T["too_late"].in_(language) if found.in_time is False else "")


def amount(value: float, measured_in: str, language: Language, *, difference: bool = False) -> str:
    """A value with its unit; a difference of percentages is in points."""
    if measured_in == "percent":
        if difference:
            return text.number(round(value, 2), language) + (" điểm %" if language == "vi" else " points")
        return text.percent(value, language)
    unit = UNITS.get(measured_in)
    rounded = round(value, 1)
    return f"{text.number(int(rounded) if rounded == int(rounded) else rounded, language)}" + (
        f" {unit.in_(language)}" if unit else ""
    )


def _counts(part: Part, language: Language) -> str:
    if part.numerator is None or part.denominator is None:
        return ""
    unit = f" {part.missing_unit.in_(language)}" if part.missing_unit else ""
    return f" ({text.number(part.numerator, language)}/{text.number(part.denominator, language)}{unit})"
