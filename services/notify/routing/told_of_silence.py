"""The recipients who are told that a coordinator has silenced alerts for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from services.notify.alerts.draft import Recipient
from services.notify.alerts.silence_given import SilenceGiven
from shared.reference.load import Reference
from shared.reference.models import Match, Role, RoleHolder, Unit

COORDINATION_OFFICE: Role = "coordination_office"
"""The role that hears of alerts whose criterion or commitment no role owns, and that silences for others."""


def told_of_silence(
    given: SilenceGiven, known: Collection[tuple[Role, str]], reference: Reference
) -> Iterator[Recipient]:
    """Yield the recipients with a contact (`known`: role and unit's code) that the silence may keep something from.

    Without a recipient of its own the silence concerns the offices below and above its units that hear of its criteria.
    The coordination office is not told what it decided itself.
    """
    on = given.at.date()
    roles = {holder.role: holder for holder in reference.plan.roles}
    for name, code in sorted(known):
        role, unit = (
            roles.get(name),
            reference.units.find(code, on) or next(reversed(reference.units.known(code)), None),
        )
        if role is None or unit is None or name == COORDINATION_OFFICE:
            continue
        is_meant = given.recipient in (None, f"{name}@{code}")
        if is_meant and _hears_of(role, given.match) and _lies_there(unit, given.match.under, reference):
            yield Recipient(role, unit)


def _hears_of(role: RoleHolder, match: Match) -> bool:
    return match.criteria is None or not role.owns or not set(role.owns).isdisjoint(match.criteria)


def _lies_there(unit: Unit, under: Iterable[str] | None, reference: Reference) -> bool:
    """Say whether the unit is one of these, below one of them, or above one of them."""
    units = reference.units
    return under is None or any(
        units.is_under(unit, code) or any(units.is_under(below, unit.code) for below in units.known(code))
        for code in under
    )
