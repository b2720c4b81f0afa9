"""E-mail addresses, as the library email-validator reads them."""

from __future__ import annotations

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


@lru_cache(maxsize=4096)
def is_email(text: str) -> bool:
    """Say whether mail can be sent to an address: no name beside it, no diacritics, a domain of the internet."""
    try:
        validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    # an apostrophe is what Excel or a CSV for people puts before a text
    return text.isascii() and not text.startswith("'")
