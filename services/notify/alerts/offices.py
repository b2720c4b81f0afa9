"""The offices of recipients in words, from `role@unit` as rows of the database name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from services.notify.alerts.draft import Recipient
from shared.reference.load import Reference
from shared.reference.models.units import UNIT_KINDS

_KINDS = re.compile(rf"(,? ({'|'.join(kind.vi for kind in UNIT_KINDS.values())}))+$")
"""The kinds of units with which the plan ends the name of a role: `Ủy ban nhân dân xã, phường`."""


def office_of(text: str, on: date, reference: Reference) -> str | None:
    """Return the name of the office that a row names as `role@unit`: `Ủy ban nhân dân huyện Văn Quan`; None without."""
    with suppress(LookupError):
        recipient = recipient_in(text, on, reference)
        if role := recipient.title.vi:
            return f"{_KINDS.sub('', role)} {recipient.unit.title}"
    return None


def named(by: str, agencies: Mapping[str, str], on: date, reference: Reference) -> str:
    """Return whoever acknowledged an alert as people know them: an agency by its name, a recipient by its office.

    `by`: an agency's id, or `role@unit`, which the contact's name may follow in brackets.
    """
    recipient, _, contact = by.partition(" (")
    if "@" not in recipient:
        return agencies.get(by, by)
    office, person = office_of(recipient, on, reference), contact.removesuffix(")")
    return f"{person} ({office})" if person and office and person != office else person or office or by


def recipient_in(text: str, on: date, reference: Reference) -> Recipient:
    """Return the recipient that a text names as `role@unit`, with its unit on a day; LookupError without a unit."""
    role, _, code = text.partition("@")
    holder = next((known for known in reference.plan.roles if known.role == role), None)
    unit = reference.units.find(code, on) or reference.units.known(code)[-1]
    return Recipient(holder, unit)
