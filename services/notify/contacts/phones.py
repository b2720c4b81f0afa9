"""Phone numbers of Vietnam, as people write them and as they are stored (E.164)."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

_REGION = "VN"
_GET_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def read_phone(text: str) -> str:
    """Return a phone number in E.164, `0912 345 678` as `+84912345678`; ValueError where it cannot exist."""
    try:
        number = phonenumbers.parse(text, _REGION)
    except NumberParseException as error:
        raise ValueError(text) from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError(text)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def gets_sms(phone: str) -> bool:
    """Say whether a number receives SMS: landlines do not."""
    try:
        return phonenumbers.number_type(phonenumbers.parse(phone, _REGION)) in _GET_SMS
    except NumberParseException:
        return False
