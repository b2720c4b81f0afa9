"""Mobile numbers of Vietnam, as people write them and as they are stored (E.164)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

_REGION = "VN"
_COUNTRY_CODE = 84
_GET_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}

# The library would read letters as keys of a telephone, and a number's decimal places as digits.
_WRITTEN = re.compile(r"(?:\+?[0-9(]|\(\+)[0-9 ().-]*")
_DECIMAL = re.compile(r"\+?[0-9]{7,}\.[0-9]{1,2}")

RENUMBERED: Mapping[str, str] = {
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
    "186": "56", "188": "58", "199": "59",
}  # fmt: skip
"""The prefixes of mobile numbers with eleven digits, without the leading zero, and those that replaced them in
September to November 2018 (plan of the Ministry of Information and Communications, decision 798/QĐ-BTTTT).
"""
_OLD_DIGITS = 10


def as_dialled(phone: str) -> str:
    """Return a stored number as people in Vietnam dial it: `0912 345 678`; a text that is no number as it stands."""
    try:
        return str(phonenumbers.format_number(_parsed(phone), PhoneNumberFormat.NATIONAL))
    except ValueError:
        return phone


class LandlineError(ValueError):
    """A telephone number that gets no SMS."""


def read_phone(text: str) -> str:
    """Return a mobile number in E.164, `0912 345 678` as `+84912345678`, with the prefix that holds since 2018.

    ValueError where it is no mobile number of Vietnam; LandlineError for a landline.
    """
    number = _parsed(text)
    current = renumbered(number)
    if current.country_code != _COUNTRY_CODE or not phonenumbers.is_valid_number(current):
        raise ValueError(text)
    kind = phonenumbers.number_type(current)
    if kind is PhoneNumberType.FIXED_LINE:
        raise LandlineError(text)
    if kind not in _GET_SMS:
        raise ValueError(text)
    return phonenumbers.format_number(current, PhoneNumberFormat.E164)


def has_old_prefix(text: str) -> bool:
    """Say whether a number that can be read has a prefix from before 2018."""
    number = _parsed(text)
    return renumbered(number) is not number


def renumbered(number: PhoneNumber) -> PhoneNumber:
    """Return the number with the prefix that replaced its own in 2018; the same number where none did."""
    digits = str(number.national_number)
    if number.country_code != _COUNTRY_CODE or len(digits) != _OLD_DIGITS or digits[:3] not in RENUMBERED:
        return number
    return PhoneNumber(country_code=_COUNTRY_CODE, national_number=int(RENUMBERED[digits[:3]] + digits[3:]))


def gets_sms(phone: str) -> bool:
    """Say whether a number receives SMS: landlines do not."""
    try:
        return phonenumbers.number_type(phonenumbers.parse(phone, _REGION)) in _GET_SMS
    except NumberParseException:
        return False


def _parsed(text: str) -> PhoneNumber:
    if not _WRITTEN.fullmatch(text) or _DECIMAL.fullmatch(text):
        raise ValueError(text)
    try:
        return phonenumbers.parse(text, _REGION)
    except NumberParseException as error:
        raise ValueError(text) from error
