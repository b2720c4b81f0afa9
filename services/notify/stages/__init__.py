"""The way of an alert, stage by stage. A stage decides, purely: drafts in, drafts out.

A stage may add drafts (one alert, several recipients), drop some, or change them; it does no I/O and keeps no state.
What was decided is stored with the alert, in one transaction; `deliver` then works on what is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.notify.notices import ChannelName, Draft
from shared.reference.load import Reference
from shared.reference.models import Contact, Role

type Contacts = Mapping[tuple[Role, str], Sequence[Contact]]


@dataclass(frozen=True)
class World:
    """What the stages know beside the drafts: the plan, who can be reached how, for how long to try."""

    reference: Reference
    contacts: Contacts
    channels: frozenset[ChannelName]
    retry_for: timedelta
    board_url: str | None = None


type Stage = Callable[[Sequence[Draft], World], Sequence[Draft]]


def by_role(contacts: Sequence[Contact]) -> Contacts:
    """Contacts by role and unit: several may answer for the same."""
    found: dict[tuple[Role, str], list[Contact]] = {}
    for contact in contacts:
        found.setdefault((contact.role, contact.unit), []).append(contact)
    return found


__all__ = ["Contacts", "Stage", "World", "by_role"]
