"""`/v1/subscriptions`: systems that hear of alerts by webhook, signed by the rules of Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.api.dependencies import Serving, check_criteria, covered, is_coordinator
from services.notify.delivery.channels.webhook import endpoint_fault, host_of, new_secret
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.match_checks import match_faults
from services.notify.storage import subscriptions
from shared.access.agency_keys import agency_names
from shared.access.caller import Caller
from shared.contracts.refs import UnitCode
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems, faulty_fields
from shared.readable import read_row, read_rows
from shared.reference.load import Reference
from shared.reference.models import Match
from shared.time import utc_now

router = APIRouter(prefix="/v1/subscriptions")

OVERLAP = timedelta(days=1)
"""The time after a rotation in which the previous secret signs as well."""


class NewSubscription(BaseModel):
    """A webhook's address, and its alerts: the alerts that match, about a unit and the units below it."""

    url: str = Field(min_length=8, max_length=2000)
    unit: UnitCode
    match: Match = Match()


class SubscriptionItem(NewSubscription):
    """A subscription. `failing_since`: no call has succeeded since then; `disabled_at`: notify makes no more calls."""

    id: UUID
    agency: str
    agency_name: str | None = Field(default=None, description="Its name, as people know it.")
    created_at: AwareDatetime
    failing_since: AwareDatetime | None
    disabled_at: AwareDatetime | None


class SubscriptionWithSecret(SubscriptionItem):
    """A subscription with the secret that signs its calls. No later answer shows the secret."""

    secret: str


class Subscriptions(BaseModel):
    """The subscriptions of the key's agency, or for the coordinator all."""

    items: list[SubscriptionItem]
    unreadable: list[UUID] = Field(default=[], description="Subscriptions that hear of nothing: they are damaged.")


class Replay(BaseModel):
    """The moment from which notify makes calls again, each under its old id."""

    since: AwareDatetime


class Replayed(BaseModel):
    """The number of calls that notify makes again."""

    notices: int


@router.post("", status_code=201)
async def subscribe(new: NewSubscription, notify: Serving, caller: SignedIn) -> SubscriptionWithSecret:
    """Subscribe a system to alerts by webhook. A key for some criteria names these criteria."""
    unit = covered(caller, new.unit, notify.reference)
    if host_of(new.url) is None or (not notify.settings.webhook_allow_private and endpoint_fault(new.url)):
        raise Problem(Problems.INVALID_QUERY, Fault("/url", Faults.BAD_ENDPOINT, {"value": new.url}))
    if faults := match_faults(new.match, notify.reference):
        raise faulty_fields(faults)
    check_criteria(new.match, caller)
    subscription_id = uuid4()
    row: subscriptions.NewSubscription = {
        "id": subscription_id,
        "agency": caller.agency,
        "unit": unit.key,
        "url": new.url,
        "match": new.match.model_dump(mode="json", exclude_none=True),
        "secret": new_secret(),
        "created_at": utc_now(),
    }
    async with notify.engine.begin() as connection:
        await subscriptions.add_subscription(connection, row)
        kept = await _own(connection, subscription_id, caller, notify.reference)
        names = await agency_names(connection, [kept.agency])
    notify.forget_world()
    return _with_secret(kept, notify.reference, names)


@router.get("")
async def list_subscriptions(notify: Serving, caller: SignedIn) -> Subscriptions:
    """List the subscriptions of the key's agency, or for the coordinator all, without their secrets."""
    async with notify.engine.connect() as connection:
        rows = await subscriptions.subscriptions(connection)
        names = await agency_names(connection, [row.agency for row in rows])
    sees_all = is_coordinator(caller, notify.reference)
    own = [row for row in rows if sees_all or row.agency == caller.agency]
    read, damaged = read_rows(
        own,
        lambda row: (
            _item(row, notify.reference, names),
            sees_all or _is_own(row, caller, notify.reference),
        ),
    )
    return Subscriptions(items=[item for item, is_seen in read if is_seen], unreadable=[row.id for row in damaged])


@router.post("/{subscription_id}/rotate")
async def rotate(subscription_id: UUID, notify: Serving, caller: SignedIn) -> SubscriptionWithSecret:
    """Make a new secret. The old secret signs beside it for a day, so that the receiver can change over."""
    async with notify.engine.begin() as connection:
        row = await _own(connection, subscription_id, caller, notify.reference)
        await subscriptions.change_secret(connection, subscription_id, new_secret(), row.secret, utc_now() + OVERLAP)
        kept = await _own(connection, subscription_id, caller, notify.reference)
        names = await agency_names(connection, [kept.agency])
    notify.forget_world()  # the next webhook is signed with the new secret already
    return _with_secret(kept, notify.reference, names)


@router.post("/{subscription_id}/enable")
async def enable(subscription_id: UUID, notify: Serving, caller: SignedIn) -> SubscriptionItem:
    """Enable a disabled subscription; `replay` makes the calls that it missed."""
    async with notify.engine.begin() as connection:
        await _own(connection, subscription_id, caller, notify.reference)
        await subscriptions.enable_subscription(connection, subscription_id)
        kept = await _own(connection, subscription_id, caller, notify.reference)
        names = await agency_names(connection, [kept.agency])
    notify.forget_world()
    return _item(kept, notify.reference, names)


@router.post("/{subscription_id}/replay", status_code=202)
async def replay(subscription_id: UUID, request: Replay, notify: Serving, caller: SignedIn) -> Replayed:
    """Make the calls since a moment again, each under its old id, by which the receiver knows calls that it took."""
    now = utc_now()
    async with notify.engine.begin() as connection:
        await _own(connection, subscription_id, caller, notify.reference)
        until = now + timedelta(seconds=notify.settings.retry_for_seconds)
        count = await subscriptions.send_again_since(connection, subscription_id, request.since, now, until)
    notify.wake()
    return Replayed(notices=count)


@router.delete("/{subscription_id}", status_code=204)
async def unsubscribe(subscription_id: UUID, notify: Serving, caller: SignedIn) -> None:
    """Remove a subscription of one's own agency, or as the coordinator any. Notify makes no more calls to it."""
    async with notify.engine.begin() as connection:
        if not is_coordinator(caller, notify.reference):
            await _own(connection, subscription_id, caller, notify.reference)
        elif await subscriptions.subscription_of(connection, subscription_id) is None:
            raise Problem(Problems.NOT_FOUND)
        await subscriptions.remove_subscription(connection, subscription_id)
    notify.forget_world()


async def _own(
    connection: AsyncConnection, subscription_id: UUID, caller: Caller, reference: Reference
) -> subscriptions.StoredSubscription:
    """Return the subscription when it is the agency's own and the key covers it; raise problem 404 otherwise."""
    row = await subscriptions.subscription_of(connection, subscription_id)
    if row is None or not read_row(row, lambda row: _is_own(row, caller, reference)):
        raise Problem(Problems.NOT_FOUND)
    return row


def _is_own(row: subscriptions.StoredSubscription, caller: Caller, reference: Reference) -> bool:
    """Say whether the agency subscribed, by a key that covered no more than this one: who changes the secret or ends
    the calls of a subscription keeps its system from hearing.
    """
    criteria = Match.model_validate(row.match).criteria or ()
    return (
        row.agency == caller.agency
        and caller.covers_unit(reference.units.by_key(row.unit), reference.units)
        and KeyScope.of(caller).covers(criteria)
    )


def _item(row: subscriptions.StoredSubscription, reference: Reference, names: Mapping[str, str]) -> SubscriptionItem:
    return SubscriptionItem(
        id=row.id,
        agency=row.agency,
        agency_name=names.get(row.agency),
        unit=reference.units.by_key(row.unit).code,
        url=row.url,
        match=Match.model_validate(row.match),
        created_at=row.created_at,
        failing_since=row.failing_since,
        disabled_at=row.disabled_at,
    )


def _with_secret(
    row: subscriptions.StoredSubscription, reference: Reference, names: Mapping[str, str]
) -> SubscriptionWithSecret:
    return SubscriptionWithSecret(**_item(row, reference, names).model_dump(), secret=row.secret)
