"""Checks of a contact: the plan has its role, its unit has that role, and its addresses are valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from services.notify.contacts.phones import read_phone
from services.notify.contacts.service_urls import is_service
from services.notify.texts import phrase
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Contact, Role, RoleHolder, Unit

_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\".]+")
_DISTRICTS = {"district", "city"}


def check(contact: Contact, reference: Reference, pointer: str = "") -> tuple[Contact, Sequence[Fault]]:
    """Return the contact with its phone numbers in E.164, and its faults, whose pointers begin with `pointer`."""
    faults = [*place_faults(contact.role, contact.unit, reference, f"{pointer}/role", f"{pointer}/unit")]
    phones, bad = _each(contact.phones, read_phone)
    faults += [Fault(f"{pointer}/phones", Faults.BAD_PHONE, {"value": value}) for value in bad]
    faults += [
        Fault(f"{pointer}/emails", Faults.BAD_EMAIL, {"value": value})
        for value in contact.emails
        if not _EMAIL.fullmatch(value)
    ]
    faults += [
        # the address holds a secret, so it is not quoted
        Fault(f"{pointer}/services", Faults.BAD_SERVICE, {"value": value.partition(":")[0]})
        for value in contact.services
        if not is_service(value)
    ]
    return contact.model_copy(update={"phones": list(dict.fromkeys(phones)), "ended": []}), faults


def _each(values: Sequence[str], read: Callable[[str], str]) -> tuple[list[str], list[str]]:
    good: list[str] = []
    bad: list[str] = []
    for value in values:
        try:
            good.append(read(value))
        except ValueError:
            bad.append(value)
    return good, bad


def place_faults(role: Role, unit: str, reference: Reference, role_pointer: str, unit_pointer: str) -> Sequence[Fault]:
    """Return the faults of a role in a unit: the plan has no such role, there is no such unit, or it lacks the role."""
    holders = {holder.role: holder for holder in reference.plan.roles}
    holder, units = holders.get(role), reference.units.known(unit)
    faults: list[Fault] = []
    if holder is None:
        details = {"value": role, "expected": ", ".join(sorted(holders))}
        faults.append(Fault(role_pointer, Faults.UNKNOWN_ROLE, details))
    if not units:
        faults.append(Fault(unit_pointer, Faults.UNKNOWN_UNIT, {"value": unit}))
    if holder and units and not any(_sits(holder, known, reference) for known in units):
        expected = phrase("checks.a_district_s_code") if holder.level == "district" else reference.plan.unit
        faults.append(
            Fault(unit_pointer, Faults.NO_SUCH_ROLE_HERE, {"value": unit, "role": role, "expected": expected})
        )
    return faults


def _sits(holder: RoleHolder, unit: Unit, reference: Reference) -> bool:
    """Say whether a unit has the holder's role. Without districts (from July 2025) lower units have theirs."""
    if holder.level == "province":
        return unit.code == reference.plan.unit
    return unit.kind in _DISTRICTS or (reference.units.district(unit) is None and unit.code != reference.plan.unit)
