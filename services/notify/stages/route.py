"""The stage that finds recipients, channels and addresses of an alert by the plan's routing tree and subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time

from services.notify.alerts.alert import Alert
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.draft import Draft, NotSent, Recipient
from services.notify.alerts.rules_changed import RulesEvent
from services.notify.alerts.silence_given import SilenceGiven
from services.notify.contacts.emails import is_email
from services.notify.contacts.phones import gets_sms
from services.notify.routing import matching
from services.notify.routing.matching import matches
from services.notify.routing.told_of_silence import COORDINATION_OFFICE, told_of_silence
from services.notify.routing.tree import escalations, is_news, taking
from services.notify.world import World
from shared.contracts.alert import ChannelName
from shared.contracts.report_due import ReportEvent
from shared.reference.models import COMMITMENT_OWNER, CRITERION_OWNER, Branch, Contact, Plan, Role, RoleHolder, Unit
from shared.time import VIETNAM
from shared.working_days import after_working_days

RULES_BRANCH = "rules"
"""The branch, in no plan, by which the coordination office hears that the rules have changed."""

_WAYS: Sequence[ChannelName] = ("email", "apprise", "sms")
"""The channels in the order in which one is chosen for what no branch of the plan tells."""

SILENCE_BRANCH = "silence"
"""The branch, in no plan, by which recipients hear that a coordinator has silenced alerts for them."""


def route(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Make a draft for each recipient, channel and address, without an address where a channel reaches nobody."""
    routed = (addressed for draft in drafts for addressed in _route(draft.alert, world))
    return list({draft.id: draft for draft in routed}.values())


def climb(alert: Alert, branch: Branch, step: int, world: World) -> Sequence[Draft]:
    """Return the drafts of an unacknowledged alert for the roles of a branch's escalation `step`, counted from 0."""
    world, climbed = world.of(alert), escalations(branch, alert)[step]
    on = after_working_days(datetime.combine(alert.on, time(), VIETNAM), climbed.after_working_days).date()
    return list(_tell(alert, branch, _recipients(climbed.to, alert, on, world), step + 1, world))


def _route(alert: Alert, world: World) -> Iterable[Draft]:
    if alert.event in (DossierEvent.DONE, ReportEvent.SETTLED):  # they end alerts, and are no news to who did the work
        return
    world = world.of(alert)
    if alert.is_found_by_rebuild:
        pass  # the coordination office hears of all of them together; subscribed systems follow each change
    elif isinstance(alert.event, RulesEvent):
        yield from _tell_of_rules(alert, world)
    elif isinstance(alert.occasion, SilenceGiven):
        yield from _tell_of_silence(alert, alert.occasion, world)
    else:
        for branch in taking(world.tree, alert, world.reference):
            yield from _tell(alert, branch, recipients(alert, branch, world), 0, world)
    for subscription in world.subscriptions:
        unit = world.reference.units.by_key(subscription.unit)
        if world.reference.units.is_under(alert.unit, unit.code) and matches(
            subscription.match, alert, world.reference
        ):
            not_sent = NotSent.DISABLED if subscription.is_disabled else None
            recipient = Recipient(None, unit, subscription.id)
            yield Draft((alert,), "", recipient, "webhook", subscription.url, not_sent=not_sent)


def _tell_of_rules(alert: Alert, world: World) -> Iterable[Draft]:
    """Tell the coordination office at once, whatever the plan's routes are: they may be what has changed."""
    for role in roles_of(COORDINATION_OFFICE, alert, alert.on, world.reference.plan):
        recipient = Recipient(role, place_of(role, alert, world))
        yield from address(alert, RULES_BRANCH, recipient, "email", 0, world)


def _tell_of_silence(alert: Alert, given: SilenceGiven, world: World) -> Iterable[Draft]:
    """Tell everybody whom the silence concerns at once, by the first channel that reaches them."""
    for recipient in told_of_silence(given, world.contacts.keys(), world.reference):
        contacts = world.contacts_of(recipient)
        reaching = (way for way in _WAYS if any(addresses_of(contact, way, world) for contact in contacts))
        yield from address(alert, SILENCE_BRANCH, recipient, next(reaching, _WAYS[0]), 0, world)


def recipients(alert: Alert, branch: Branch, world: World) -> Sequence[Recipient]:
    """Return those whom a branch tells of an alert."""
    return _recipients(branch.to, alert, alert.on, world.of(alert))


def _recipients(names: Iterable[Role], alert: Alert, on: date, world: World) -> Sequence[Recipient]:
    roles = [holder for name in names for holder in roles_of(name, alert, on, world.reference.plan)]
    return [Recipient(role, place_of(role, alert, world)) for role in {role.role: role for role in roles}.values()]


def _tell(alert: Alert, branch: Branch, told: Iterable[Recipient], step: int, world: World) -> Iterable[Draft]:
    for recipient in told:
        for channel in (*branch.channels, *branch.on_request):
            yield from address(alert, branch.id, recipient, channel, step, world)


def roles_of(name: Role, alert: Alert, on: date, plan: Plan) -> Sequence[RoleHolder]:
    """Return the role of this name, or the roles that a pseudo-role such as the criterion's owner stands for.

    As of a day: a role that has ended stands for the one to which it passed.
    """
    if name == CRITERION_OWNER:
        owners = plan.owners_on(matching.criteria(alert, plan), on)
        return owners or _existing([COORDINATION_OFFICE], on, plan)
    if name == COMMITMENT_OWNER:
        commitment = matching.commitment(alert, plan)
        owners = _existing(commitment.responsible if commitment else [], on, plan)
        if alert.unit.kind == "province":  # each district answers for its own part of it
            owners = [owner for owner in owners if owner.level == "province"]
        return owners or _existing([COORDINATION_OFFICE], on, plan)
    return _existing([name], on, plan)


def _existing(roles: Iterable[Role], on: date, plan: Plan) -> list[RoleHolder]:
    return [holder for role in roles if (holder := plan.role_on(role, on))]


def place_of(role: RoleHolder, alert: Alert, world: World) -> Unit:
    """Return the unit in which the role sits: the alert's district, or the province.

    Where there is no district, the alert's unit stands for the district, so that its contacts can be told.
    """
    if role.level == "commune":
        return alert.unit
    if role.level == "district":
        return alert.district or alert.unit
    province = world.reference.units.find(world.reference.plan.unit, alert.on)
    return province or alert.unit


def address(
    alert: Alert, branch: str, recipient: Recipient, channel: ChannelName, step: int, world: World
) -> Sequence[Draft]:
    """Make a draft for each address of the recipient; without any address, a draft with the reason for that.

    None where all contacts of the recipient have chosen not to hear of it, or none to hear of it by this channel.
    """
    known, telling = world.contacts_of(recipient), world.of(alert).tree.branches.get(branch)
    contacts = [contact for contact in known if _wants(contact, telling, channel)]
    if not contacts and (known or (telling and channel in telling.on_request)):
        return []
    not_sent = None if channel in world.channels else NotSent.NOT_SET_UP
    drafts = [
        Draft((alert,), branch, recipient, channel, known, contact, step, not_sent=not_sent)
        for contact in contacts
        for known in addresses_of(contact, channel, world)
    ]
    return drafts or [
        Draft((alert,), branch, recipient, channel, step=step, not_sent=why_unreachable(contacts, channel))
    ]


def _wants(contact: Contact, branch: Branch | None, channel: ChannelName) -> bool:
    """Say whether the contact's choice about what asks for nothing lets a branch tell it by a channel."""
    if branch and channel in branch.on_request:
        return contact.news == "at_once"
    return contact.news != "none" or not is_news(branch)


def addresses_of(contact: Contact, channel: ChannelName, world: World) -> Sequence[str]:
    """Return a contact's addresses for a channel, without those that reach nobody: landlines for SMS, e-mail addresses
    and URLs of services that are none, and addresses that have ended.
    """
    known: Sequence[str] = ()
    match channel:
        case "email":
            known = [email for email in contact.emails if is_email(email)]
        case "sms":
            known = [phone for phone in contact.phones if gets_sms(phone)]
        case "apprise":
            known = [url for url in contact.services if url not in world.no_services]
    return [text for text in known if text not in contact.ended]


def why_unreachable(contacts: Sequence[Contact], channel: ChannelName) -> NotSent:
    """Return the reason why a channel reaches none of the contacts."""
    if not contacts:
        return NotSent.NO_CONTACT
    if any(contact.ended for contact in contacts):
        return NotSent.ADDRESS_ENDED
    match channel:
        case "email":
            return NotSent.BAD_ADDRESS if any(contact.emails for contact in contacts) else NotSent.NO_EMAIL
        case "sms":
            return NotSent.NO_MOBILE if any(contact.phones for contact in contacts) else NotSent.NO_PHONE
        case _:
            return NotSent.BAD_ADDRESS if any(contact.services for contact in contacts) else NotSent.NO_SERVICE
