"""Leave: who is told in place of a contact that is away, and what happens where that substitute cannot be reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.notify.contacts.emails import is_email
from services.notify.contacts.names import person_key
from services.notify.contacts.phones import gets_sms
from services.notify.texts import phrase
from shared.contracts.bilingual import Bilingual, Language
from shared.reference.models import Contact
from shared.text import day, day_named
from shared.texts import filled

type LeaveState = Literal["planned", "handed_over", "not_reached"]

_LISTS = ("emails", "phones", "services")


class OnDuty(Contact):
    """A contact who is told instead of somebody, or on leave in spite of a substitute.

    `stands_for`: the name of who is away; empty for a contact who is away itself, and whose `substitute` cannot be
    reached by the channels of its addresses.
    """

    stands_for: str = ""
    leave_ends: date

    def title(self, language: Language) -> str:
        """Return the name with the reason why this contact is told."""
        words = phrase("leaves.stands_in") if self.stands_for else phrase("leaves.fallen_back")
        until, holder = day(self.leave_ends, language), self.stands_for
        return words.in_(language).format(name=self.name, holder=holder, until=until, substitute=self.substitute)


@dataclass(frozen=True, slots=True)
class Leave:
    """The leave of a contact that is not over: its state, and that in words."""

    state: LeaveState
    words: Bilingual


def on_duty(holder: Contact, people: Iterable[Contact], today: date) -> Sequence[Contact]:
    """Return who is told for the holder of a role on a day: the holder, or while it is away its substitute.

    `people`: all contacts. By channels for which the substitute has no address that works, the holder is told.
    """
    ends = holder.away_until
    if ends is None or not holder.is_away(today):
        return [holder]
    substitute, _ = _fit(holder, people, today)
    if substitute is None:
        return [_on_duty(holder, leave_ends=ends)]
    stands_in = _on_duty(substitute, stands_for=holder.name, leave_ends=ends, news=holder.news)
    left = {name: [] if _working(substitute, name) else _working(holder, name) for name in _LISTS}
    return [stands_in, _on_duty(holder, leave_ends=ends, **left)] if any(left.values()) else [stands_in]


def leave_of(holder: Contact, people: Iterable[Contact], today: date) -> Leave | None:
    """Return the leave that a contact has or will have; None without one."""
    since, until = holder.away_from, holder.away_until
    if since is None or until is None or until < today:
        return None
    facts = {"substitute": holder.substitute, "since": day_named(since), "until": day_named(until), "name": holder.name}
    substitute, why = _fit(holder, people, today)
    if not holder.is_away(today):
        return Leave("planned", filled(phrase("leaves.planned"), **facts))
    if substitute is None or any(_working(holder, name) and not _working(substitute, name) for name in _LISTS):
        return Leave("not_reached", filled(phrase("leaves.not_reached"), why=why or phrase("leaves.no_way"), **facts))
    return Leave("handed_over", filled(phrase("leaves.handed_over"), **facts))


def replaced(holder: Contact, people: Iterable[Contact]) -> Contact | None:
    """Return the contact that a holder names as its substitute, whether it can be reached or not."""
    named = person_key(holder.substitute or "")
    return next(
        (one for one in people if one.unit == holder.unit and one != holder and person_key(one.name) == named), None
    )


def _fit(holder: Contact, people: Iterable[Contact], today: date) -> tuple[Contact | None, Bilingual | None]:
    """Return the substitute that can be told on a day, or the reason why there is none."""
    substitute = replaced(holder, people)
    if substitute is None:
        return None, phrase("leaves.unknown")
    if substitute.is_away(today):
        return None, phrase("leaves.away")
    if not any(_working(substitute, name) for name in _LISTS):
        return None, phrase("leaves.no_way")
    return substitute, None


def _working(contact: Contact, name: str) -> list[str]:
    known: list[str] = [text for text in getattr(contact, name) if text not in contact.ended]
    match name:
        case "emails":
            return [text for text in known if is_email(text)]
        case "phones":
            return [text for text in known if gets_sms(text)]
        case _:
            return known


def _on_duty(contact: Contact, **more: object) -> OnDuty:
    fields: dict[str, Any] = dict(contact) | more
    return OnDuty.model_construct(**fields)  # contacts are checked when they are written, and read for every batch
