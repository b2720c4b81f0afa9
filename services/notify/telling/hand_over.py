"""Handing notices that are due at once from the transaction that makes them straight to their delivery.

The transaction leases these notices as it makes them, and hands them over once it is committed. It leaves notices that
exceed the room of their delivery to the worker that polls for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from services.notify.alerts.draft import Draft
from services.notify.alerts.links import Links
from services.notify.alerts.notice import Notice, NoticeStatus, ToldAlert, Wording
from services.notify.storage.notices import StoredNotice
from services.notify.world import World
from shared.contracts.alert import ChannelName

LEASE = timedelta(seconds=60)
"""The time for which a notice belongs to the process that leased it; afterwards any process may take it."""


class Hand(Protocol):
    """The delivery of a channel's notices in this process."""

    def room(self) -> int:
        """Return the number of notices that the delivery has room for."""
        ...

    def take(self, notices: Sequence[Notice]) -> None:
        """Deliver notices that a transaction leased for this delivery."""
        ...

    def wake(self) -> None:
        """Look for due notices to lease at once."""
        ...


class Handover:
    """The work to do at once after a transaction. `gathers`: a gathering is due already."""

    gathers = False

    def __init__(self, hands: Mapping[ChannelName, Hand]) -> None:
        self._hands = hands
        self._taken: dict[ChannelName, list[Notice]] = {name: [] for name in hands}
        self._left: set[ChannelName] = set()

    def lease(self, rows: Sequence[StoredNotice], now: datetime) -> Sequence[StoredNotice]:
        """Lease the due notices among the rows, as far as their delivery has room; return all rows."""
        room = {name: hand.room() - len(self._taken[name]) for name, hand in self._hands.items()}

        def leased(row: StoredNotice) -> StoredNotice:
            if row.due_at is None:
                return row
            if room.get(row.channel, 0) <= 0:
                self._left.add(row.channel)
                return row
            room[row.channel] -= 1
            return row._replace(status=NoticeStatus.SENDING.value, due_at=now + LEASE)

        return [leased(row) for row in rows]

    def keep(self, notices: Sequence[tuple[StoredNotice, Draft]], world: World) -> None:
        """Keep the leased notices among the recorded ones until the transaction is committed."""
        secrets = {subscription.id: subscription.secrets for subscription in world.subscriptions}
        for row, draft in notices:
            if row.status == NoticeStatus.SENDING.value:
                told = [ToldAlert(alert.id, alert.trace, alert.occasion.unit.code) for alert in draft.told]
                self._taken[row.channel].append(notice_of(row, told, secrets, world.links))

    def give(self) -> None:
        """Hand the notices to their deliveries, now that the transaction is committed."""
        for name, notices in self._taken.items():
            if notices:
                self._hands[name].take(notices)
        for name in self._left & self._hands.keys():
            self._hands[name].wake()


def notice_of(
    row: StoredNotice, alerts: Sequence[ToldAlert], secrets: Mapping[UUID, tuple[str, ...]], links: Links | None
) -> Notice:
    """Return the leased notice of a row, with the alerts that it tells, the secrets that sign it and its link."""
    wording = Wording(cast(str, row.text), row.subject, row.html)
    return Notice(
        id=row.id,
        request_id=row.request_id,
        thread=row.thread,
        unit_code=row.unit_code,
        recipient=row.recipient,
        name=row.name,
        channel=row.channel,
        address=row.address,
        language=row.language,
        wording=links.within(wording, row.id) if links and row.link_hash else wording,
        created_at=row.created_at,
        attempts=row.attempts,
        retry_until=row.retry_until,
        leased_until=cast(datetime, row.due_at),
        trace=row.trace,
        signing_secrets=secrets.get(row.subscription, ()) if row.subscription else (),
        subscription=row.subscription,
        link=links.url(row.id) if links and row.link_hash else None,
        is_after_zalo=row.is_after_zalo,
        alerts=tuple(alerts),
    )
