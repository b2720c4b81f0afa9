"""The notes of those who took care of alerts, read from notify's log of alerts.

The log is not signed, for nothing is judged by it: a note is shown as what notify says, and no verdict, figure or
deadline depends on it. It is a person's text: it is never logged, and no table of scoring's own keeps it longer than
the log does, which is a year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.scoring.following.note import Note
from services.scoring.following.stream_follower import StreamFollower
from services.scoring.judging.readings import received_on
from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged


class Notes:
    """The notes of all acknowledgements that the log still has, by alert: the id of the change that raised it."""

    def __init__(self, nats: Client) -> None:
        self._known: dict[UUID, Note] = {}
        acknowledged = subjects.alert("*", AlertEvent.ACKNOWLEDGED)
        self._follower = StreamFollower(nats, acknowledged, self._take, self._known.clear)

    async def until(self, on: date) -> Mapping[UUID, Note]:
        """Return the notes by alert that were known at the end of a day. Raises NatsError while the broker is away."""
        await self._follower.catch_up()
        return {alert: note for alert, note in self._known.items() if note.on <= on}

    def _take(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            with suppress(ValidationError):
                entry = AlertLogged.model_validate_json(message.data)
                if words := " ".join((entry.detail or "").split()):
                    note = Note(words, entry.by_name, entry.at, entry.on or received_on(entry.at))
                    self._known.setdefault(entry.alert, note)  # the first acknowledgement stays
