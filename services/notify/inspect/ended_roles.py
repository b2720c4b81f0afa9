"""Contacts who hold a role that has ended, and the role to which its work has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.notify.contacts.role_places import sits_in
from services.notify.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.reference.models import Contact, RoleHolder
from shared.text import day_named
from shared.texts import filled

_PASSED, _OF_EACH_UNIT = phrase("ended_roles.passed"), phrase("ended_roles.of_each_unit")
_TO_NOBODY = phrase("ended_roles.to_nobody")


@dataclass(frozen=True, slots=True)
class EndedRole:
    """A contact's role that has ended; `follows`: the role that has its work now, none where it passed to nobody."""

    contact: Contact
    role: RoleHolder
    follows: RoleHolder | None
    may_move: bool
    """Whether the contact's unit has that role too, so that the contact may hold it."""

    @property
    def ended_on(self) -> date:
        """The role's last day."""
        assert self.role.valid_to  # noqa: S101 - it has ended
        return self.role.valid_to

    @property
    def words(self) -> Bilingual:
        """A sentence that says which contact is told of nothing, since when, and who has the work now."""
        template = _TO_NOBODY if self.follows is None else _PASSED if self.may_move else _OF_EACH_UNIT
        return filled(
            template,
            contact=self.contact.name,
            unit=self.contact.unit,
            role=Bilingual(vi=f"{self.role.name.vi} ({self.role.role})", en=f"{self.role.name.en} ({self.role.role})"),
            day=day_named(self.ended_on),
            follows=_named(self.follows),
        )


def ended_role(contact: Contact, reference: Reference, on: date) -> EndedRole | None:
    """Return the contact's role where it has ended by a day; None where it goes on."""
    role = next((holder for holder in reference.plan.roles if holder.role == contact.role), None)
    if role is None or role.valid_to is None or role.valid_to >= on:
        return None
    follows = reference.plan.role_on(role.role, on)
    unit = reference.units.find(contact.unit, on)
    may_move = follows is not None and unit is not None and sits_in(follows, unit, reference)
    return EndedRole(contact, role, follows, may_move)


def _named(role: RoleHolder | None) -> Bilingual:
    if role is None:
        return Bilingual(vi="", en="")
    return Bilingual(vi=f"{role.name.vi} ({role.role})", en=f"{role.name.en} ({role.role})")
