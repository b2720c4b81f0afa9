"""Who hears of an alert, by which channel, at which address: as the plan's routes say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.notify.notices import Alert, ChannelName, Draft, NotSent, Recipient
from services.notify.stages import World
from shared.contracts import ProblemKind, ProblemLogged, StatusChanged
from shared.reference.models import (
    COMMITMENT_OWNER,
    CRITERION_OWNER,
    ChangeRoute,
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    Contact,
    Plan,
    ProblemRoute,
    Role,
    RoleHolder,
    Unit,
)

COORDINATION_OFFICE: Role = "coordination_office"
"""Hears of what no role of the plan owns."""

_MOBILE = re.compile(r"\+84[35789]\d{8}")


def route(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """One draft for each recipient, channel and address; one without an address where nobody can be reached."""
    routed = (addressed for draft in drafts for addressed in _route(draft.alert, world))
    return list({draft.id: draft for draft in routed}.values())


def _route(alert: Alert, world: World) -> Iterable[Draft]:
    plan = world.reference.plan
    for rule in plan.routes:
        if _matches(rule, alert, plan):
            for role in {role.role: role for name in rule.to for role in _roles(name, alert, plan)}.values():
                recipient = Recipient(role, _place(role, alert, world))
                for channel in rule.channels:
                    yield from _address(alert, recipient, channel, world)


def _matches(rule: ChangeRoute | ProblemRoute, alert: Alert, plan: Plan) -> bool:
    return (
        rule.on == alert.kind
        and alert.event in rule.events
        and (rule.criteria is None or _criterion(alert, plan) in rule.criteria)
        and (rule.cohorts is None or not set(rule.cohorts).isdisjoint(_cohorts(alert, plan)))
        and (not isinstance(rule, ProblemRoute) or rule.kinds is None or _nature(alert) in rule.kinds)
    )


def _criterion(alert: Alert, plan: Plan) -> str | None:
    """The criterion that the alert speaks of; none for a commitment or a difficulty that is about something else."""
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.criterion.key
    if isinstance(alert.occasion, ProblemLogged):
        return alert.occasion.criterion
    commitment = _commitment(alert, plan)
    if commitment is None:
        return None
    measure = commitment.measure
    return measure.criterion if isinstance(measure, CommunesMeeting) else commitment.criterion


def _cohorts(alert: Alert, plan: Plan) -> Sequence[str]:
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.cohorts
    if isinstance(alert.occasion, ProblemLogged):
        return [cohort.id for cohort in plan.cohorts if alert.unit.code in cohort.members]
    commitment = _commitment(alert, plan)
    return [commitment.measure.cohort] if commitment and isinstance(commitment.measure, CohortMeeting) else []


def _nature(alert: Alert) -> ProblemKind | None:
    """What a difficulty is about."""
    return alert.occasion.kind if isinstance(alert.occasion, ProblemLogged) else None


def _commitment(alert: Alert, plan: Plan) -> Commitment | None:
    return next((one for one in plan.commitments if one.id == alert.topic), None)


def _roles(name: Role, alert: Alert, plan: Plan) -> Sequence[RoleHolder]:
    """The role of this name, or those that a pseudo-role stands for."""
    wanted: Sequence[Role] = [name]
    if name == CRITERION_OWNER:
        criterion = _criterion(alert, plan)
        wanted = [holder.role for holder in plan.roles if criterion in holder.owns] or [COORDINATION_OFFICE]
    elif name == COMMITMENT_OWNER:
        commitment = _commitment(alert, plan)
        wanted = (commitment.responsible if commitment else []) or [COORDINATION_OFFICE]
    holders = {holder.role: holder for holder in plan.roles}
    return [holders[role] for role in wanted]


def _place(role: RoleHolder, alert: Alert, world: World) -> Unit:
    """Where the role that is meant sits: the alert's district, or the province.

    Where the tree has no district the unit itself stands for it, so that a contact may still be found there.
    """
    if role.level == "district":
        return alert.district or alert.unit
    province = world.reference.units.find(world.reference.plan.unit, alert.on)
    return province or alert.unit


def _address(alert: Alert, recipient: Recipient, channel: ChannelName, world: World) -> Iterable[Draft]:
    """A draft for each address of the recipient; without any, one that says why it cannot be sent."""
    contacts = world.contacts.get((recipient.role.role, recipient.unit.code), [])
    fault = None if channel in world.channels else NotSent.NOT_SET_UP
    found = [
        Draft(alert, replace(recipient, name=contact.name), channel, address, not_sent=fault)
        for contact in contacts
        for address in _addresses(contact, channel)
    ]
    return found or [Draft(alert, recipient, channel, not_sent=_why(contacts, channel))]


def _addresses(contact: Contact, channel: ChannelName) -> Sequence[str]:
    if channel == "email":
        return contact.emails
    return [phone for phone in contact.phones if _MOBILE.fullmatch(phone)]


def _why(contacts: Sequence[Contact], channel: ChannelName) -> NotSent:
    if not contacts:
        return NotSent.NO_CONTACT
    if channel == "email":
        return NotSent.NO_EMAIL
    return NotSent.NO_MOBILE if any(contact.phones for contact in contacts) else NotSent.NO_PHONE
