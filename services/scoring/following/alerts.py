"""Which changes notify has raised an alert for, and which of these somebody has acknowledged; read from its log.

As with the notes (`notes.py`), the log is not signed, for nothing is judged by it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.scoring.following.stream_follower import StreamFollower
from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged


class RaisedAlerts(NamedTuple):
    """The alerts of the last year, which is what the log keeps, each by the id of the change that raised it."""

    raised: Collection[UUID]
    escalated: Collection[UUID]
    """Those that nobody had acknowledged in time, so that the next role was told."""
    acknowledged: Collection[UUID]


class Alerts:
    """The alerts that notify's log still has."""

    def __init__(self, nats: Client) -> None:
        self._raised = _Followed(nats, AlertEvent.RAISED)
        self._escalated = _Followed(nats, AlertEvent.ESCALATED)
        self._acknowledged = _Followed(nats, AlertEvent.ACKNOWLEDGED)

    async def now(self) -> RaisedAlerts:
        """Return them as they stand. Raises NatsError while the broker is away."""
        return RaisedAlerts(await self._raised.ids(), await self._escalated.ids(), await self._acknowledged.ids())


class _Followed:
    """The alerts to which one event has happened."""

    def __init__(self, nats: Client, event: AlertEvent) -> None:
        self._known: set[UUID] = set()
        self._follower = StreamFollower(nats, subjects.alert("*", event), self._take, self._known.clear)

    async def ids(self) -> Collection[UUID]:
        await self._follower.catch_up()
        return self._known

    def _take(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            with suppress(ValidationError):
                self._known.add(AlertLogged.model_validate_json(message.data).alert)
