"""Gaps in the contacts: roles that the plan tells and for which no contact can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from services.notify.alerts.draft import NotSent, Recipient
from services.notify.routing.told_of_silence import COORDINATION_OFFICE
from services.notify.stages.route import addresses_of, why_unreachable
from services.notify.world import World
from shared.contracts.alert import ChannelName
from shared.reference.load import Reference
from shared.reference.models import COMMITMENT_OWNER, CRITERION_OWNER, Branch, Plan, Role, RoleHolder, Unit


@dataclass(frozen=True, slots=True)
class Gap:
    """A recipient that cannot be reached by a channel, the reason, and the branches that would use that channel."""

    recipient: Recipient
    channel: ChannelName
    reason: NotSent
    branches: tuple[str, ...]


def gaps(world: World, on: date) -> Sequence[Gap]:
    """Return the recipients of the routing tree that a channel cannot reach, by the units of a day.

    Channels that are not set up are left out, since every notice by them says so.
    """
    told_by: dict[tuple[str, ChannelName], tuple[Recipient, list[str]]] = {}
    for branch in world.tree.branches.values():
        for recipient in _recipients(branch, world.reference, on):
            for channel in world.channels.intersection(branch.channels):
                _, branches = told_by.setdefault((str(recipient), channel), (recipient, []))
                branches.append(branch.id)
    return [
        Gap(recipient, channel, why_unreachable(contacts, channel), tuple(branches))
        for (_, channel), (recipient, branches) in sorted(told_by.items())
        for contacts in [world.contacts_of(recipient)]
        if not any(addresses_of(contact, channel, world) for contact in contacts)
    ]


def _recipients(branch: Branch, reference: Reference, on: date) -> Iterable[Recipient]:
    names = {*branch.to, *(role for step in branch.escalate for role in step.to)}
    for role in {holder.role: holder for name in names for holder in _holders(name, reference.plan, on)}.values():
        for unit in _places(role, reference, on):
            yield Recipient(role, unit)


def _holders(name: Role, plan: Plan, on: date) -> Iterable[RoleHolder]:
    """Return the role of this name, or all roles that a pseudo-role may stand for, as of a day."""
    names = [name]
    if name == CRITERION_OWNER:
        names = [holder.role for holder in plan.roles if holder.owns or holder.role == COORDINATION_OFFICE]
    elif name == COMMITMENT_OWNER:
        owners = {role for commitment in plan.commitments for role in commitment.responsible}
        names = [holder.role for holder in plan.roles if holder.role in owners]
    return [holder for role in names if (holder := plan.role_on(role, on))]


def _places(role: RoleHolder, reference: Reference, on: date) -> Iterable[Unit]:
    """Return the units in which the role sits: the province, or each district.

    Where there are no districts, each unit below the province stands for a district.
    """
    if role.level == "commune":
        return [unit for unit in _below(reference, on) if unit.kind not in {"district", "city"}]
    if role.level == "district":
        districts = (reference.units.district(unit) or unit for unit in _below(reference, on))
        return {unit.key: unit for unit in districts}.values()
    whole = reference.units.find(reference.plan.unit, on)
    return [whole] if whole else []


def _below(reference: Reference, on: date) -> Iterable[Unit]:
    """Return all units of a day below the province."""
    units, province = reference.units, reference.plan.unit
    return (unit for unit in units if unit.is_valid(on) and unit.code != province and units.is_under(unit, province))
