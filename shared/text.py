"""Writing for people: numbers, shares, days and periods as Vietnamese and English write them, formatted by Babel."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from math import ceil, floor

from babel import Locale
from babel.dates import format_date
from babel.numbers import get_decimal_symbol, get_group_symbol

from shared.characters import in_latin, typed, visible, with_d_stroke
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.dossier import DossierStep
from shared.contracts.period import Granularity, Period
from shared.contracts.status import Event, Stage, Status
from shared.texts import filled, phrase
from shared.time import VIETNAM

_DAY_PATTERNS: dict[Language, str] = {"vi": "dd/MM/yyyy", "en": "d MMMM yyyy"}
_MOST_DECIMALS = 2
_FINEST_DECIMALS = 12
_ROMAN = ("I", "II", "III", "IV")

STAGES: dict[Stage, Bilingual] = {
    Stage.REPORTED: phrase("text.stages.reported"),
    Stage.VERIFIED: phrase("text.stages.verified"),
    Stage.CONFIRMED: phrase("text.stages.confirmed"),
}
"""The names of the stages."""

STATUSES: dict[Status, Bilingual] = {
    Status.MET: phrase("text.statuses.met"),
    Status.ON_TRACK: phrase("text.statuses.on_track"),
    Status.BEHIND: phrase("text.statuses.behind"),
    Status.MISSED: phrase("text.statuses.missed"),
    Status.NOT_MET: phrase("text.statuses.not_met"),
    Status.NO_DATA: phrase("text.statuses.no_data"),
}
"""The names of the statuses."""

EVENTS: dict[Event, Bilingual] = {
    Event.FIRST_DATA: phrase("text.events.first_data"),
    Event.MET: phrase("text.events.met"),
    Event.LOST: phrase("text.events.lost"),
    Event.FELL_BEHIND: phrase("text.events.fell_behind"),
    Event.RECOVERED: phrase("text.events.recovered"),
    Event.MISSED: phrase("text.events.missed"),
    Event.CHANGED: phrase("text.events.changed"),
    Event.OVERDUE: phrase("text.events.overdue"),
    Event.REPORT_ARRIVED: phrase("text.events.report_arrived"),
}
"""The names of the events of a commune's criteria, and of commitments."""

DOSSIER_STEPS: dict[DossierStep, Bilingual] = {
    DossierStep.SELF_ASSESSED: phrase("text.steps.self_assessed"),
    DossierStep.VERIFIED: phrase("text.steps.verified"),
    DossierStep.APPRAISED: phrase("text.steps.appraised"),
    DossierStep.DECIDED: phrase("text.steps.decided"),
    DossierStep.RECOGNISED: phrase("text.steps.recognised"),
    DossierStep.WITHDRAWAL_DUE: phrase("text.steps.withdrawal_due"),
    DossierStep.WITHDRAWN: phrase("text.steps.withdrawn"),
    DossierStep.RETURNED: phrase("text.steps.returned"),
}
"""The names of the steps of a dossier."""

GRANULARITIES: dict[Granularity, Bilingual] = {
    "year": phrase("text.granularities.year"),
    "half": phrase("text.granularities.half"),
    "quarter": phrase("text.granularities.quarter"),
    "month": phrase("text.granularities.month"),
    "day": phrase("text.granularities.day"),
}
"""The names of the kinds of periods."""

_SHOWN_LENGTH = 80
_SHOWN_BITS = 100
_NOTHING = phrase("text.nothing")
_TOO_GREAT = phrase("text.too_great")
_BYTES = phrase("text.bytes")
_AN_OBJECT = phrase("text.an_object")
_A_LIST = phrase("text.a_list")


def without_diacritics(text: str) -> str:
    """Write Vietnamese in plain Latin letters: `Điềm He` as `Diem He`. Unicode decomposes no đ, so it is replaced."""
    decomposed = unicodedata.normalize("NFD", with_d_stroke(text))
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return bare.replace("đ", "d").replace("Đ", "D")


def plain(text: str) -> str:
    """Reduce a name to the form in which names are compared: no diacritics, no case, single blanks, as it is typed."""
    return " ".join(without_diacritics(in_latin(typed(text))).casefold().split())


def number(value: float | Decimal, language: Language, digits: int | None = None) -> str:
    """Write a number: `1.204` and `12,5` in Vietnamese, `1,204` and `12.5` in English.

    `digits`: decimals, rounded half up as people do; None: as many as the value needs, at most two.
    """
    return _written(value, digits).translate(_separators(language))


@lru_cache(4096, typed=True)  # a number is written in both languages
def _written(value: float | Decimal, digits: int | None) -> str:
    rounded = _rounded(value, _MOST_DECIMALS if digits is None else digits)
    written = f"{rounded or abs(rounded):,f}"  # no minus before a zero
    return written.rstrip("0").rstrip(".") if digits is None else written


def number_named(value: float | Decimal) -> Bilingual:
    """Write a number in both languages."""
    return Bilingual(vi=number(value, "vi"), en=number(value, "en"))


def whole(value: float, direction: str) -> int:
    """Round a bound of things that are counted one by one to the nearest whole number that fulfils it."""
    rounded = round(value, _FINEST_DECIMALS // 2)
    return ceil(rounded) if direction == "at_least" else floor(rounded)


def digits_apart(value: float, *others: float | None, usual: int = _MOST_DECIMALS) -> int | None:
    """Return the decimals with which a number is written otherwise than every other number from which it differs.

    None where the usual ones do. So no sentence says that `9.33 %` misses a goal of `9.33 %`.
    """
    differing = [other for other in others if other is not None and other != value]
    for digits in range(usual, _FINEST_DECIMALS):
        written = _rounded(value, digits)
        if all(_rounded(other, digits) != written for other in differing):
            return None if digits == usual else digits
    return _FINEST_DECIMALS if differing else None


@lru_cache(4096, typed=True)
def _rounded(value: float | Decimal, digits: int) -> Decimal:
    return Decimal(str(value)).quantize(_unit(digits), rounding=ROUND_HALF_UP)


@cache
def _unit(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits)


@cache
def _separators(language: Language) -> dict[int, str]:
    """Return what a language writes for the comma and the point of a number; Babel takes long to apply them."""
    locale = _locale(language)
    return str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})


@cache
def _locale(language: Language) -> Locale:
    return Locale(language)


def percent(value: float | Decimal, language: Language, digits: int | None = None) -> str:
    """Write a share given in percent: `12,5 %` in Vietnamese, `12.5 %` in English."""
    return f"{number(value, language, digits)} %"


@lru_cache(4096)
def day(value: date, language: Language) -> str:
    """Write a day: `30/06/2023` in Vietnamese, `30 June 2023` in English."""
    return format_date(value, _DAY_PATTERNS[language], _locale(language))


def quarter_of(value: date, language: Language) -> str:
    """Name the quarter of a day, for what is known no better: `quý II/2023`."""
    return period_name(Period.parse(f"{value.year}-Q{(value.month + 2) // 3}"), language)


def day_named(value: date) -> Bilingual:
    """Write a day in both languages."""
    return Bilingual(vi=day(value, "vi"), en=day(value, "en"))


def moment(at: datetime, language: Language = "vi") -> str:
    """Write a time to the minute, as clocks in Vietnam show it: `08:30 30/06/2023`, `08:30, 30 June 2023`."""
    local = at.astimezone(VIETNAM)
    return f"{local:%H:%M}{' ' if language == 'vi' else ', '}{day(local.date(), language)}"


def moment_named(at: datetime) -> Bilingual:
    """Write a time to the minute in both languages."""
    return Bilingual(vi=moment(at, "vi"), en=moment(at, "en"))


@lru_cache(4096)
def period_name(period: Period, language: Language) -> str:
    """Name a period: `tháng 6/2023`, `quý II/2023`, `6 tháng đầu năm 2023`, `năm 2023`, and the like in English."""
    start = period.start
    match period.granularity:
        case "day":
            name = filled(phrase("text.period.day"), day=day_named(start))
        case "month":
            month = Bilingual(vi=str(start.month), en=format_date(start, "MMMM", _locale("en")))
            name = filled(phrase("text.period.month"), month=month, year=start.year)
        case "quarter":
            number_in_year = (start.month - 1) // 3
            quarter = Bilingual(vi=_ROMAN[number_in_year], en=str(number_in_year + 1))
            name = filled(phrase("text.period.quarter"), quarter=quarter, year=start.year)
        case "half":
            half = phrase("text.period.first_half") if start.month == 1 else phrase("text.period.second_half")
            name = filled(half, year=start.year)
        case "year":
            name = filled(phrase("text.period.year"), year=start.year)
    return name.in_(language)


def storable(text: str) -> str:
    """Replace characters that cannot be stored or printed: NUL, other control characters, half surrogate pairs."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def shown(value: object, language: Language) -> str:
    """Write any value briefly, for a sentence for people: a word, a number, a day, a period.

    A tuple is an enumeration; objects and lists of JSON are named, not unfolded. Characters that cannot be seen are
    shown by their numbers, so that `06280` and `06280[U+200B]` differ.
    """
    match value:
        case Bilingual():
            return value.in_(language)
        case None:
            return _NOTHING.in_(language)
        case Stage():
            return STAGES[value].in_(language)
        case Period():
            return period_name(value, language)
        case datetime():
            return moment(value, language)
        case date():
            return day(value, language)
        case tuple():
            return ", ".join(shown(each, language) for each in value)
        case dict():
            return _AN_OBJECT.in_(language)
        case list():
            return _A_LIST.in_(language)
        case bytes():
            return _BYTES.in_(language)
        case bool() | float():
            return json.dumps(value)
        case int() if value.bit_length() > _SHOWN_BITS:
            return _TOO_GREAT.in_(language)
    text = visible(storable(str(value)))
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 3]}..."


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def holds_nul(body: bytes) -> bool:
    """Return whether a JSON text holds a NUL character, which PostgreSQL takes in no text."""
    return b"\\u0000" in body and bool(_NUL.search(body))
