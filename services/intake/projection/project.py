"""Projections: what the streams say, brought to intake's tables, where receipts are found and figures compared.

Derived and repeatable: a message that comes again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nats.aio.msg import Msg
from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.messages import REQUEST_DIGEST_HEADER, REQUEST_HEADER
from services.intake.storage import queries
from services.intake.storage.tables import ChangeRow, ProblemEventRow, ProblemRow, RefusalRow, ReviewRow, UnscoredRow
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.parked_message import Parked
from shared.contracts.period import Period
from shared.contracts.submission import CausedChange, Refusal, Review
from shared.contracts.verdict_change import StatusChanged
from shared.postgres.statements import upsert
from shared.reference.load import Reference


async def submissions(connection: AsyncConnection, messages: Sequence[Msg], reference: Reference) -> None:
    """Keep receipts and the figures that stand. KeyError where a unit is unknown."""
    units, ends = [], []
    for message in messages:
        body = from_json(message.data)
        end = Period.parse(body["period"]).end
        unit = body.get("unit_key")
        if unit is None:
            found = reference.units.find(body["unit"], end)
            if found is None:
                raise KeyError(f"unit {body['unit']} in {body['period']}")
            unit = found.key
        units.append(unit)
        ends.append(end)
    await queries.project_submissions(
        connection,
        sequences=[message.metadata.sequence.stream for message in messages],
        units=units,
        ends=ends,
        requests=[(message.headers or {}).get(REQUEST_HEADER) for message in messages],
        request_digests=[(message.headers or {}).get(REQUEST_DIGEST_HEADER) for message in messages],
        bodies=[message.data.decode() for message in messages],
    )


async def reviews(connection: AsyncConnection, messages: Sequence[Msg], _reference: Reference) -> None:
    """Keep what was decided about submissions."""
    found = [Review.model_validate_json(message.data) for message in messages]
    rows = [
        {"id": one.id, "submission": one.submission, "at": one.at, "body": one.model_dump(mode="json")} for one in found
    ]
    await queries.add(connection, ReviewRow, rows)


async def refusals(connection: AsyncConnection, messages: Sequence[Msg], _reference: Reference) -> None:
    """Keep where refusals are found."""
    rows: list[dict[str, Any]] = []
    for message in messages:
        refusal = Refusal.model_validate_json(message.data)
        rows.append(
            {
                "id": refusal.id,
                "sequence": message.metadata.sequence.stream,
                "agency": refusal.agency,
                "received_at": refusal.received_at,
                "problem": refusal.problem,
            }
        )
    await queries.add(connection, RefusalRow, rows)


async def changes(connection: AsyncConnection, messages: Sequence[Msg], _reference: Reference) -> None:
    """Keep the changes of status that submissions caused."""
    rows = []
    for message in messages:
        change = StatusChanged.model_validate_json(message.data)
        if change.submission is None:
            continue
        caused = CausedChange(
            id=change.id,
            event=change.event,
            unit=change.unit.code,
            criterion=change.criterion.key,
            before=change.before,
            after=change.after,
            at=change.at,
            reason=change.assessment.reason,
        )
        body = caused.model_dump(mode="json")
        rows.append({"id": change.id, "submission": change.submission, "at": change.at, "body": body})
    await queries.add(connection, ChangeRow, rows)


async def difficulties(connection: AsyncConnection, messages: Sequence[Msg], reference: Reference) -> None:
    """Keep difficulties and what was said about them. KeyError where a unit is unknown."""
    found = [DifficultyLogged.model_validate_json(message.data) for message in messages]
    reported = [
        {
            "id": one.problem,
            "unit": _unit_key(one, reference),
            "criterion": one.criterion,
            "reported_at": one.at,
        }
        for one in found
        if one.event == "problem_reported"
    ]
    events = [
        {"id": one.id, "problem": one.problem, "at": one.at, "body": one.model_dump(mode="json")} for one in found
    ]
    await queries.add(connection, ProblemRow, reported)
    await queries.add(connection, ProblemEventRow, events)


async def parked(connection: AsyncConnection, messages: Sequence[Msg], _reference: Reference) -> None:
    """Keep which submissions scoring put aside, and which of them it has scored since."""
    found = [Parked.model_validate_json(message.data) for message in messages]
    rows = [
        {
            "sequence": one.sequence,
            "reason": one.reason,
            "at": one.at,
            "scored_at": one.at if one.state == "replayed" else None,
        }
        for one in found
        if (one.service, one.stream) == ("scoring", subjects.SUBMISSIONS_STREAM)
    ]
    await queries.add(connection, UnscoredRow, [row for row in rows if row["scored_at"] is None])
    await upsert(connection, UnscoredRow, [row for row in rows if row["scored_at"]])  # whichever comes last


def _unit_key(logged: DifficultyLogged, reference: Reference) -> int:
    if logged.unit.key is not None:
        return logged.unit.key
    known = reference.units.known(logged.unit.code)
    if not known:
        raise KeyError(f"unit {logged.unit.code}")
    return known[-1].key
