"""Changes that the stream STATUS proves and the state lacks, since its database was lost or put back from a copy.

People were told of them. A rebuild takes them up before it compares verdicts, so that it publishes none a second time,
and the next change follows the last one that was published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.storage.changes import NumberedValues, known_changes
from services.scoring.storage.rebuilt_schema import keep_proved_changes, prove_changes
from services.scoring.storage.statuses import StatusValues
from services.scoring.storage.tables import StatusRow, TargetRow
from services.scoring.storage.targets import TargetValues
from services.scoring.update.published_changes import change_row
from shared.contracts import subjects
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.nats.stream_reader import read_stream
from shared.postgres.statements import upsert
from shared.readable import is_day
from shared.reference.load import Reference
from shared.service.proof import Proof
from shared.text import holds_nul

_STATUS_FAMILIES = (subjects.ALL_STATUSES, subjects.ALL_STATUSES_V2)
_TARGET_FAMILIES = (subjects.ALL_TARGETS_V2, subjects.ALL_TARGETS)
"""The first one has the changes of every plan; the other one alone has those of earlier versions."""


@dataclass
class ProvedChanges:
    """The changes that the state lacks: what is to be known of them until they are taken up."""

    number: int = 0
    submissions: set[UUID] = field(default_factory=set)
    """The submissions that caused them: these were scored."""
    plans: set[str] = field(default_factory=set)
    """The plans by which they were judged."""
    last_on: date | None = None
    """The last day that was judged."""
    stored_until: datetime | None = None
    """When the broker stored the last of them."""
    unreadable: list[str] = field(default_factory=list)
    _read_already: set[UUID] = field(default_factory=set)
    _statuses: dict[tuple[int, str], StatusValues | None] = field(default_factory=dict)
    _targets: dict[tuple[str, str, int], TargetValues | None] = field(default_factory=dict)
    """The verdicts with which they end; None where the state has the last change."""

    async def read(self, live: AsyncEngine, nats: Client, proof: Proof, reference: Reference) -> None:
        """Read the stream, and keep the changes that the live state lacks in the schema beside it."""
        for family in (*_STATUS_FAMILIES, *_TARGET_FAMILIES):
            async for batch in read_stream(nats, subjects.STATUS_STREAM, family):
                changes = [one for message in proof.proved(batch) if (one := self._read(message, family))]
                async with live.connect() as connection:
                    known = await known_changes(connection, [change.id for _, change in changes])
                rows = [
                    row
                    for message, change in changes
                    if (row := self._note(message, change, family, change.id in known, reference))
                ]
                async with live.begin() as connection:
                    self.number += await prove_changes(connection, rows)

    async def take_up(self, live: AsyncConnection) -> None:
        """Store the changes, and the verdicts with which they end, in the live state. Workers must be waiting."""
        await keep_proved_changes(live)
        await upsert(live, StatusRow, [row for row in self._statuses.values() if row])
        await upsert(live, TargetRow, [row for row in self._targets.values() if row])

    def _read(self, message: Msg, family: str) -> tuple[Msg, StatusChanged | TargetChanged] | None:
        model = StatusChanged if family in _STATUS_FAMILIES else TargetChanged
        try:
            change = model.model_validate_json(message.data)
        except ValidationError:
            change = None
        # no column takes NUL, and nobody judged on a day of another age
        if change is None or not is_day(change.on) or holds_nul(message.data):
            self.unreadable.append(_place(message))
            return None
        return message, change

    def _note(
        self, message: Msg, change: StatusChanged | TargetChanged, family: str, is_known: bool, reference: Reference
    ) -> NumberedValues | None:
        """Note a change and the verdict that it leaves; return its row where the state lacks it."""
        try:
            key = _unit_key(change, reference)
        except LookupError:
            self.unreadable.append(_place(message))
            return None
        if isinstance(change, TargetChanged):
            of_target = (change.plan or reference.plan.id, change.commitment.id, key)
            if family == subjects.ALL_TARGETS_V2 or of_target not in self._targets:
                self._targets[of_target] = None if is_known else _target_row(change, *of_target)
        elif family == subjects.ALL_STATUSES:  # the others tell how a plan ended that is no longer in force
            self._statuses[key, change.criterion.key] = None if is_known else _status_row(change, key)
        if is_known or change.id in self._read_already:
            return None
        self._read_already.add(change.id)
        if change.submission:
            self.submissions.add(change.submission)
        if change.plan:
            self.plans.add(change.plan)
        self.last_on = max(self.last_on or change.on, change.on)
        stored = message.metadata.timestamp
        self.stored_until = max(self.stored_until or stored, stored)
        return {**change_row(key, change), "number": message.metadata.sequence.stream}


def _unit_key(change: StatusChanged | TargetChanged, reference: Reference) -> int:
    """Return the key of a change's unit; LookupError where there is none."""
    if change.unit.key is not None:
        return reference.units.by_key(change.unit.key).key
    if (unit := reference.units.find(change.unit.code, change.on)) is None:
        raise LookupError(change.unit.code)
    return unit.key


def _place(message: Msg) -> str:
    return f"{message.metadata.sequence.stream} {message.subject}"


def _status_row(change: StatusChanged, unit: int) -> StatusValues:
    return {
        "unit": unit,
        "criterion": change.criterion.key,
        "status": change.after.value,
        "since": change.on,
        "judged_on": change.on,
        "holds_until": None,
        "overdue": change.assessment.overdue,
        "series_from": None,
        "contradictory": change.assessment.contradictory,
        "reported_from": None,
        "reported": None,
    }


def _target_row(change: TargetChanged, plan: str, commitment: str, unit: int) -> TargetValues:
    return {
        "plan": plan,
        "commitment": commitment,
        "unit": unit,
        "status": change.after.value,
        "since": change.on,
        "judged_on": change.on,
        "holds_until": change.assessment.holds_until,
        "overdue": change.assessment.overdue,
        "series_from": None,
        "moved": False,
        "moved_from": None,
        "path_from": None,
    }
