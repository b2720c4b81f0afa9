"""Checks of a contact: the plan has its role, its unit has that role, its name is one, and its addresses are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.notify.contacts.emails import is_email
from services.notify.contacts.names import is_name, may_be_one_person, person_key, unseen_marks, written
from services.notify.contacts.phones import LandlineError, has_old_prefix, read_phone
from services.notify.contacts.role_places import sits_in
from services.notify.contacts.service_urls import is_service
from services.notify.texts import phrase
from shared.characters import typed
from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults, Warnings
from shared.reference.load import Reference
from shared.reference.models import Contact, Role

_EXPECTED: Mapping[str, Bilingual] = {
    "district": phrase("checks.a_district_s_code"),
    "commune": phrase("checks.a_commune_s_code"),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark about a contact that is taken: its place, its kind, and the details for the text."""

    pointer: str
    kind: Warnings
    details: dict[str, object] = field(default_factory=dict)
    sheet: str | None = None
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A contact as it is stored, its faults, and remarks about what was written otherwise than it is stored."""

    contact: Contact
    faults: Sequence[Fault]
    remarks: Sequence[Remark]


def check(contact: Contact, reference: Reference) -> Checked:
    """Check a contact, and write its name and its phone numbers (E.164) as they are stored."""
    faults = [*place_faults(contact.role, contact.unit, reference, "/role", "/unit"), *_name_faults(contact.name)]
    remarks: list[Remark] = []
    phones: list[str] = []
    for text in contact.phones:
        phone, found = _phone(text)
        phones.append(phone)
        faults += [each for each in found if isinstance(each, Fault)]
        remarks += [each for each in found if isinstance(each, Remark)]
    faults += _address_faults("/emails", contact.emails, is_email, Faults.BAD_EMAIL)
    faults += [
        # the address holds a secret, so it is not quoted
        Fault("/services", Faults.BAD_SERVICE, {"value": value.partition(":")[0]})
        for value in contact.services
        if unseen_marks(value) or not is_service(value)
    ]
    faults += _leave_faults(contact)
    if not faults and not (contact.phones or contact.emails or contact.services):
        details = {"value": contact.name, "role": contact.recipient}
        faults.append(Fault("/emails", Faults.NO_WAY_TO_REACH, details))
    changes = {
        "name": written(contact.name),
        "substitute": written(contact.substitute) if contact.substitute else None,
        "phones": list(dict.fromkeys(phones)),
        "emails": list(dict.fromkeys(contact.emails)),
        "ended": [],
    }
    return Checked(contact.model_copy(update=changes), faults, remarks)


def namesake_fault(contact: Contact, others: Iterable[Contact], repeated: Faults) -> Fault | None:
    """Return the fault of a contact of whom another with the same role and unit may be the same person: `repeated`
    where the names are equal, else a question.
    """
    for other in others:
        if (other.role, other.unit) != (contact.role, contact.unit):
            continue
        details = {"value": contact.name, "role": contact.recipient}
        if person_key(other.name) == person_key(contact.name):
            return Fault("/name", repeated, details)
        shared = not _addresses(contact).isdisjoint(_addresses(other))
        if may_be_one_person(contact.name, other.name, share_address=shared):
            return Fault("/name", Faults.SIMILAR_CONTACT, details | {"expected": other.name})
    return None


def _leave_faults(contact: Contact) -> Sequence[Fault]:
    since, until = contact.away_from, contact.away_until
    given = [value for value in (since, until, contact.substitute) if value]
    if not given or (since and until and contact.substitute and since <= until):
        return []
    return [Fault("/away_until", Faults.LEAVE_NOT_WHOLE, {"value": until or since or contact.substitute or ""})]


def substitute_fault(contact: Contact, others: Iterable[Contact]) -> Fault | None:
    """Return the fault of a contact whose substitute is not among the other contacts of its unit."""
    if not contact.substitute:
        return None
    colleagues = [
        other.name
        for other in others
        if other.unit == contact.unit and person_key(other.name) != person_key(contact.name)
    ]
    if person_key(contact.substitute) in map(person_key, colleagues):
        return None
    names = ", ".join(dict.fromkeys(colleagues)) or "–"
    details = {"value": contact.substitute, "unit": contact.unit, "expected": Bilingual(vi=names, en=names)}
    return Fault("/substitute", Faults.UNKNOWN_SUBSTITUTE, details)


def place_faults(role: Role, unit: str, reference: Reference, role_pointer: str, unit_pointer: str) -> Sequence[Fault]:
    """Return the faults of a role in a unit: the plan has no such role, there is no such unit, or it lacks the role."""
    holders = {holder.role: holder for holder in reference.plan.roles}
    holder, units = holders.get(role), reference.units.known(unit)
    faults: list[Fault] = []
    if holder is None:
        roles = ", ".join(sorted(holders))
        details = {"value": role, "expected": Bilingual(vi=roles, en=roles)}
        faults.append(Fault(role_pointer, Faults.UNKNOWN_ROLE, details))
    if not units:
        faults.append(Fault(unit_pointer, Faults.UNKNOWN_UNIT, {"value": unit}))
    if holder and units and not any(sits_in(holder, known, reference) for known in units):
        expected = _EXPECTED.get(holder.level, reference.plan.unit)
        faults.append(
            Fault(unit_pointer, Faults.NO_SUCH_ROLE_HERE, {"value": unit, "role": role, "expected": expected})
        )
    return faults


def _name_faults(name: str) -> Sequence[Fault]:
    if unseen := unseen_marks(name, blanks=" \t\n\r\N{NO-BREAK SPACE}"):
        return [Fault("/name", Faults.INVISIBLE_MARK, {"value": name, "expected": unseen})]
    return [] if is_name(name) else [Fault("/name", Faults.BAD_NAME, {"value": name})]


def _phone(text: str) -> tuple[str, Sequence[Fault | Remark]]:
    """Return a phone number as it is stored, and its fault, or a remark where its prefix was translated."""
    if unseen := unseen_marks(text):
        return text, [Fault("/phones", Faults.INVISIBLE_MARK, {"value": text, "expected": unseen})]
    try:
        phone = read_phone(typed(text))
    except LandlineError:
        return text, [Fault("/phones", Faults.LANDLINE, {"value": text})]
    except ValueError:
        return text, [Fault("/phones", Faults.BAD_PHONE, {"value": text})]
    details: dict[str, object] = {"value": text, "expected": phone}
    return phone, [Remark("/phones", Warnings.PHONE_RENUMBERED, details)] if has_old_prefix(typed(text)) else []


def _address_faults(
    pointer: str, values: Sequence[str], is_valid: Callable[[str], bool], kind: Faults
) -> Sequence[Fault]:
    unseen = {value: marks for value in values if (marks := unseen_marks(value))}
    return [
        Fault(pointer, Faults.INVISIBLE_MARK, {"value": value, "expected": unseen[value]})
        if value in unseen
        else Fault(pointer, kind, {"value": value})
        for value in values
        if value in unseen or not is_valid(value)
    ]


def _addresses(contact: Contact) -> set[str]:
    return {*contact.phones, *(email.casefold() for email in contact.emails), *contact.services}
