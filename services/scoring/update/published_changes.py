"""Changes as they are published: stored for good, with their messages in the outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, topic_of
from services.scoring.storage.changes import ChangeValues, add_changes
from services.scoring.storage.tables import OutboxRow
from shared.contracts import subjects
from shared.contracts.reference_version import RulesChanged, VerdictsMoved
from shared.contracts.status import Status
from shared.contracts.verdict_change import Change, StatusChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.postgres.engine import WrittenJson
from shared.reference.load import Reference
from shared.reference.refs import unit_ref
from shared.service import outbox
from shared.stable_id import stable_id


class ChangeOfUnit(NamedTuple):
    """A change with the key of its unit; the code would not do, since codes are used again."""

    unit: int
    change: Change
    is_in_force: bool = True
    """False where it is about another plan than the one in force."""


async def publish_changes(
    connection: AsyncConnection,
    province: str,
    changes: Sequence[ChangeOfUnit],
    traces: Mapping[UUID, str | None] = MappingProxyType({}),
) -> None:
    """Store the changes of a province, by its code, and put their messages into the outbox, each in the trace of the
    submission that caused it.

    A change that is stored already was published: it is not published again.
    """
    rows = [change_row(unit, change) for unit, change, _ in changes]
    new = await add_changes(connection, rows)
    messages = [
        message
        for row, (_, change, is_in_force) in zip(rows, changes, strict=True)
        if change.id in new
        for message in messages_of(
            change, province, traces.get(change.submission) if change.submission else None, is_in_force, row["body"]
        )
    ]
    await outbox.put(connection, OutboxRow, messages)


def change_row(unit: int, change: Change) -> ChangeValues:
    """Return the row that stores a published change of a unit, which its key names."""
    return {
        "id": change.id,
        "unit": unit,
        "topic": topic_of(change),
        "event": change.event.value,
        "before": change.before.value,
        "after": change.after.value,
        "on": change.on,
        "at": change.at,
        "submission": change.submission,
        "body": WrittenJson(change.model_dump_json()),
    }


class Judged(NamedTuple):
    """The version by which all verdicts were judged again, who did it, and why."""

    version: int
    digest: str
    author: str
    reason: str
    cause: Literal["rules", "rebuild"]


def judged_again(
    judged: Judged,
    reference: Reference,
    moment: Moment,
    *,
    communes: Iterable[tuple[Status, Status]],
    targets: Iterable[tuple[Status, Status]],
) -> Message | None:
    """Return the message that all verdicts were judged again; `communes`, `targets`: before and after.

    None where a rebuild has found all of them as they were.
    """
    province, of_communes, of_targets = reference.plan.unit, _moved(communes), _moved(targets)
    if judged.cause == "rebuild" and not (of_communes or of_targets):
        return None
    unit = reference.units.find(province, moment.on) or reference.units.known(province)[-1]
    body = RulesChanged(
        id=stable_id(judged.cause, judged.version, judged.digest, moment.at),
        at=moment.at,
        unit=unit_ref(unit),
        version=judged.version,
        digest=judged.digest,
        plan=reference.plan.id,
        author=judged.author,
        reason=judged.reason,
        communes=of_communes,
        targets=of_targets,
        sample=reference.plan.sample,
        cause=judged.cause,
    )
    return cloud_event(
        subjects.rules(province),
        body.model_dump_json().encode(),
        event_id=body.id,
        kind="rules.changed",
        source="scoring",
        at=moment.at,
    )


def _moved(verdicts: Iterable[tuple[Status, Status]]) -> list[VerdictsMoved]:
    counts = Counter((before, after) for before, after in verdicts if before != after)
    return [VerdictsMoved(before=before, after=after, count=count) for (before, after), count in sorted(counts.items())]


def messages_of(
    change: Change, province: str, trace: str | None, is_in_force: bool = True, written: WrittenJson | None = None
) -> list[Message]:
    """Return the CloudEvents that carry a province's change, in the trace of the submission that caused it.

    `written`: the change as it is stored; it is written once.
    A commitment's has two: by its plan, and where that is in force also as systems know it that know of one plan. The
    changes of communes tell what holds by the plan in force; those by another plan have subjects of their own.
    """
    body, topic = (written or change.model_dump_json()).encode(), topic_of(change)
    if isinstance(change, StatusChanged):
        district, commune = change.district.code if change.district else None, change.unit.code
        by_plan = subjects.status_of_plan(district, commune, change.plan or "-", topic)
        subject = subjects.status(district, commune, topic) if is_in_force else by_plan
        addressed = [(subject, "status.changed", change.id)]
    else:
        # of two messages with one id the stream would keep only the first
        own = subjects.target_of_plan(change.unit.code, change.plan or "-", topic)
        addressed = [(own, "target.changed", stable_id(change.id, "v2"))]
        if is_in_force:
            addressed.append((subjects.target(change.unit.code, topic), "target.changed", change.id))
    return [
        cloud_event(
            subject, body, event_id=event_id, kind=kind, source="scoring", at=change.at, trace=trace, province=province
        )
        for subject, kind, event_id in addressed
    ]
