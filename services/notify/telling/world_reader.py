"""Reading the world of the stages from the database: contacts, subscriptions, silences and causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft
from services.notify.contacts.service_urls import is_service
from services.notify.routing.key_scope import KeyScope
from services.notify.stages.inhibit import may_be_hidden
from services.notify.storage import subscriptions
from services.notify.storage.alert_rows import readable_alert
from services.notify.storage.alerts import open_causes
from services.notify.storage.contacts import known_contacts
from services.notify.storage.silences import StoredSilence, silences_now
from services.notify.storage.subscriptions import StoredSubscription
from services.notify.world import Cause, Silence, Subscription, World, by_role
from shared.readable import read_rows
from shared.reference.load import Plans, Reference
from shared.reference.models import Contact, Match
from shared.time import utc_now

_FRESH = timedelta(seconds=1)
_CODES = TypeAdapter(list[str])


class WorldReader:
    """A reader of the world. It reads again after a second, or at once after `forget`, since people make changes.

    It reads silences every time, so that all processes begin and end them at once.
    """

    def __init__(
        self,
        world: World,
        in_force: Callable[[], Reference] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`in_force` returns the reference data with the plan in force; None: always that of `world`.

        `clock` returns the moment that people read, by the services' clock, which may be simulated.
        """
        self._world = world
        self._in_force = in_force
        self.clock = clock
        self._read_at: datetime | None = None
        self._changes = 0

    def forget(self) -> None:
        """Read everything again at the next call, since somebody has changed something."""
        self._read_at, self._changes = None, self._changes + 1

    @property
    def reference(self) -> Reference:
        """The reference data by which alerts are told now."""
        return self._world.reference

    def digest_time(self, now: datetime) -> datetime:
        """Return the time by which digests are due: that of the services' clock where it is simulated."""
        return self.clock() if self._world.is_simulated else now

    def renew(self, in_force: Reference, plans: Plans) -> None:
        """Put another version of the reference data in the place of the one in use."""
        by_id = {reference.plan.id: reference for reference in plans}
        self._world = replace(self._world.by_plan(in_force), plans=by_id)

    async def world(self, connection: AsyncConnection, now: datetime) -> World:
        """Return the world at this moment, without causes, which depend on the drafts."""
        if self._in_force:
            self._world = self._world.by_plan(self._in_force())
        while self._read_at is None or not self._read_at <= now < self._read_at + _FRESH:
            changes = self._changes
            stored, rows = await known_contacts(connection), await subscriptions.subscriptions(connection)
            if changes != self._changes:  # made while it was read, of before or of after them
                continue
            contacts = read_rows(stored, _contact).items
            self._world = replace(
                self._world,  # read after the waiting: another version may have been taken up meanwhile
                contacts=by_role(contacts),
                no_services=frozenset(url for known in contacts for url in known.services if not is_service(url)),
                subscriptions=read_rows(rows, lambda row: _subscription(row, self.reference, now)).items,
            )
            self._read_at = now
        silences = read_rows(await silences_now(connection, now), _silence).items
        return replace(self._world, silences=silences, now=now, shown_now=self.clock())


# What is damaged holds for nobody, and stops nobody else's.


def _contact(stored: Contact) -> Contact:
    return Contact.model_validate(stored.model_dump(warnings=False))


def _subscription(row: StoredSubscription, reference: Reference, now: datetime) -> Subscription:
    unit, match = reference.units.by_key(row.unit), Match.model_validate(row.match)
    return Subscription(row.id, unit.key, row.url, match, row.disabled_at is not None, row.signing_secrets(now))


def _silence(row: StoredSilence) -> Silence:
    own = KeyScope(_CODES.validate_python(row.own.units), _CODES.validate_python(row.own.criteria)) if row.own else None
    return Silence(row.id, Match.model_validate(row.match), row.recipient, own, row.given_on)


async def with_causes(connection: AsyncConnection, drafts: Sequence[Draft], world: World) -> World:
    """Return the world with the open alerts that may hide alerts of these drafts."""
    reference = world.reference
    districts = {
        alert.district.key
        for draft in drafts
        if draft.gathering
        for alert in draft.alerts
        if alert.district and may_be_hidden(alert, reference)
    }
    if not districts:
        return world
    events = {event for rule in reference.plan.inhibitions for event in rule.cause.events or ()}
    rows = await open_causes(connection, districts, events)
    known = ((readable_alert(row.alert, reference), row.told) for row in rows)
    return replace(world, causes=[Cause(alert, frozenset(told)) for alert, told in known if alert])
