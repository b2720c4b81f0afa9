"""What is due at once goes from the transaction that makes it straight to its delivery: it is leased as it is made, and
handed over once that is committed. What there is no room for is left to whoever looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from services.notify.alerts.links import Links
from services.notify.alerts.notice import Notice, NoticeStatus, Wording
from services.notify.world import World
from shared.contracts.alert import ChannelName

LEASE = timedelta(seconds=60)
"""How long a notice belongs to the process that is to deliver it; then anybody may take it."""


class Hand(Protocol):
    """The delivery of a channel's notices in this process."""

    def room(self) -> int:
        """How many more notices it would take."""
        ...

    def take(self, notices: Sequence[Notice]) -> None:
        """Deliver notices that were leased for it."""
        ...

    def wake(self) -> None:
        """Say that there are notices which it may lease."""
        ...


class Handover:
    """What one transaction leaves to be done at once after it. `gathers`: something gathered is due already."""

    gathers = False

    def __init__(self, hands: Mapping[ChannelName, Hand]) -> None:
        self._hands = hands
        self._taken: dict[ChannelName, list[Notice]] = {name: [] for name in hands}
        self._left: set[ChannelName] = set()

    def lease(self, rows: Sequence[dict[str, Any]], now: datetime) -> None:
        """Lease the rows of notices that are due, as far as there is room."""
        room = {name: hand.room() - len(self._taken[name]) for name, hand in self._hands.items()}
        for row in rows:
            if row["due_at"] is None:
                continue
            if room.get(row["channel"], 0) > 0:
                room[row["channel"]] -= 1
                row.update(status=NoticeStatus.SENDING.value, due_at=now + LEASE)
            else:
                self._left.add(row["channel"])

    def keep(self, rows: Sequence[Mapping[str, Any]], world: World) -> None:
        """Keep those that were recorded until the transaction is committed."""
        secrets = {subscription.id: subscription.secrets for subscription in world.subscriptions}
        for row in rows:
            if row["status"] == NoticeStatus.SENDING.value:
                self._taken[row["channel"]].append(notice_of(row, secrets, world.links))

    def give(self) -> None:
        """Let the deliveries begin: what they are to deliver is committed."""
        for name, notices in self._taken.items():
            if notices:
                self._hands[name].take(notices)
        for name in self._left & self._hands.keys():
            self._hands[name].wake()


def notice_of(row: Mapping[str, Any], secrets: Mapping[UUID, tuple[str, ...]], links: Links | None) -> Notice:
    """The leased notice of a row, with what signs it and with its link."""
    wording = Wording(row["text"], row["subject"], row["html"])
    return Notice(
        id=row["id"],
        request_id=row["request_id"],
        thread=row["thread"],
        unit_code=row["unit_code"],
        recipient=row["recipient"],
        name=row["name"],
        channel=row["channel"],
        address=row["address"],
        language=row["language"],
        wording=links.within(wording, row["id"]) if links and row["link_hash"] else wording,
        created_at=row["created_at"],
        attempts=row["attempts"],
        retry_until=row["retry_until"],
        leased_until=row["due_at"],
        trace=row["trace"],
        signing_secrets=secrets.get(row["subscription"], ()),
        subscription=row["subscription"],
    )
