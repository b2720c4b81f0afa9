"""Rebuild: notify's alerts made again from the streams of events and from its own log, so that nobody is told twice.

The log of alerts (ALERTS, kept for a year) says which alerts were raised, which notices told whom of them, who
acknowledged them and which have climbed. The words and addresses of these notices stand in no stream, nor do contacts,
silences and subscriptions. What was raised and is to be told to somebody of whom the log says nothing is left to the
service, which tells only these (`tell_the_rest`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft
from services.notify.alerts.events import read_alerts
from services.notify.alerts.notice import NoticeStatus
from services.notify.alerts.significance import opens
from services.notify.routing.tree import Tree, escalations, taking
from services.notify.stages.route import route
from services.notify.storage import made_again
from services.notify.storage.alert_rows import NewAlert, alert_row
from services.notify.storage.escalations import NewEscalation
from services.notify.storage.made_again import Acknowledged, Climbed, EndedNotice, UntoldMessage
from services.notify.storage.notices import MentionValues, StoredNotice
from services.notify.telling.tell import ENDING
from services.notify.telling.tell_the_rest import Way, as_header, way_of
from services.notify.telling.world_reader import WorldReader
from services.notify.world import World
from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged
from shared.nats.consumers import acknowledged_until
from shared.nats.stream_reader import read_stream
from shared.reference.load import Plans
from shared.service.proof import Proof
from shared.time import utc_now
from shared.working_days import after_working_days

_OF_NOTICES: Mapping[AlertEvent, NoticeStatus] = {
    AlertEvent.SENT: NoticeStatus.SENT,
    AlertEvent.DELIVERED: NoticeStatus.DELIVERED,
    AlertEvent.FAILED: NoticeStatus.PERMANENT_FAILURE,
    AlertEvent.WITHHELD: NoticeStatus.WITHHELD,
}

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class RebuiltAlerts:
    """The outcome: the numbers of rows that were missing, and what is left to the service or to people."""

    alerts: int = 0
    """The alerts that the streams make."""
    missing: int = 0
    notices: int = 0
    acknowledged: int = 0
    untold: int = 0
    """Alerts that somebody was to be told of and has no notice in the log: the service tells them what is left."""
    unreadable: list[str] = field(default_factory=list)
    settled: int = 0
    """Notices, gatherings and escalations that were to be told, or to climb, and of which the log says that they were
    or did."""
    has_log: bool = True
    """False where nothing is left of the log of alerts: who was told of what is not known, and nobody is told again."""
    switched: bool = False

    @property
    def is_same(self) -> bool:
        """Return whether the tables had everything."""
        return not (self.missing or self.notices or self.acknowledged or self.settled)


@dataclass
class _Logged:
    """The log's entries about one alert."""

    raised_at: datetime
    notices: dict[UUID, AlertLogged] = field(default_factory=dict)
    acknowledged: AlertLogged | None = None
    escalated: dict[str, int] = field(default_factory=dict)
    """By branch: how often the alert has climbed."""
    told_at: datetime | None = None


class _Told(NamedTuple):
    """An alert of the streams with its message and what the log says of it."""

    alert: Alert
    message: Msg
    logged: _Logged | None
    is_taken: bool = True
    """The service has acknowledged the message: its consumer does not bring it again."""


async def rebuild(engine: AsyncEngine, nats: Client, plans: Plans, *, switch: bool) -> RebuiltAlerts:
    """Add the alerts, notices and acknowledgements that the tables lack and the streams have; with `switch` they stay.

    What the tables have stays as it is. Messages that the service has not acknowledged yet come by its own consumers.
    """
    result, proof, now = RebuiltAlerts(), await Proof.of(engine, nats), utc_now()
    begins, logged = await _read_log(nats)
    result.has_log = begins is not None
    world = _world(plans, now)
    found = await _read_events(nats, proof, world, logged, result)
    result.alerts = len(found)
    async with engine.connect() as connection, connection.begin() as transaction:
        await made_again.hold_off_service(connection)
        subscriptions = (await WorldReader(world).world(connection, now)).subscriptions
        world = replace(world, subscriptions=subscriptions)
        lacking = await made_again.missing_alerts(connection, list(found))
        missing = [told for key, told in found.items() if key in lacking]
        decided = _decided(found.values(), world) if missing else {}
        lacked = [(told, ways) for told in missing if (ways := _left(told, begins, world, decided))]
        left = {told.alert.id for told, _ in lacked if not _was_told(told)}
        untold = [
            _untold_message(told, None if told.alert.id in left else ways)
            for told, ways in lacked
            if told.is_taken or told.alert.id not in left  # else the service's own consumer brings it
        ]
        await _record(connection, [told for told in missing if told.alert.id not in left], now)
        result.untold = len(untold)
        result.missing = len([told for told in missing if told.is_taken or told.alert.id not in left])
        of_alerts = {key: told for key, told in found.items() if told.logged and key not in left}
        result.settled = await _settle(connection, logged)
        result.notices = await _record_notices(connection, of_alerts)
        acknowledged = [
            Acknowledged(key, entry.at, entry.by or "", entry.detail)
            for key, told in of_alerts.items()
            if told.logged and (entry := told.logged.acknowledged)
        ]
        result.acknowledged = await made_again.acknowledge(connection, acknowledged)
        result.settled += await _climb_on(connection, of_alerts, world)
        await made_again.climb_again(connection, list(_climbing(missing, left, world)))
        await made_again.leave_to_service(connection, untold, now)
        result.switched = switch
        if not switch:
            await transaction.rollback()
    return result


async def _read_log(nats: Client) -> tuple[datetime | None, Mapping[UUID, _Logged]]:
    """Return since when the log of alerts is whole, None where nothing is left of it, and its entries by alert.

    Entries are published some time after their alerts were raised, not always in their order: of an alert from after
    the log's beginning that it does not know, the entries were lost together with the tables.
    """
    begins: datetime | None = None
    logged: dict[UUID, _Logged] = {}
    async for batch in read_stream(nats, subjects.ALERTS_STREAM, subjects.ALL_ALERTS):
        for message in batch:
            begins = begins or message.metadata.timestamp
            try:
                entry = AlertLogged.model_validate_json(message.data)
            except ValidationError:  # nothing is made of it, and nothing breaks
                continue
            _note(logged.setdefault(entry.alert, _Logged(entry.at)), entry)
    info = await nats.jetstream().stream_info(subjects.ALERTS_STREAM)
    if info.state.first_seq <= 1 and info.created:  # nothing of it has been left behind yet
        begins = min(begins or info.created, info.created)
    return begins, logged


def _note(logged: _Logged, entry: AlertLogged) -> None:
    if entry.event is AlertEvent.ACKNOWLEDGED:
        logged.acknowledged = logged.acknowledged or entry
    elif entry.event is AlertEvent.ESCALATED and entry.detail:
        logged.escalated[entry.detail] = logged.escalated.get(entry.detail, 0) + 1
    elif entry.event in _OF_NOTICES and entry.notice:
        logged.notices[entry.notice] = entry
        logged.told_at = logged.told_at or entry.at


async def lack_what_was_told(connection: AsyncConnection, bodies: Sequence[bytes]) -> bool:
    """Say whether the tables lack what these messages of the log of alerts tell, and a rebuild would bring back."""
    logged = _Logged(_NEVER)
    acknowledged = []
    for body in bodies:
        with suppress(ValidationError):
            entry = AlertLogged.model_validate_json(body)
            _note(logged, entry)
            if entry.event is AlertEvent.ACKNOWLEDGED:
                acknowledged.append(entry.alert)
    return await made_again.lack_notices(connection, [_ended(entry) for entry in logged.notices.values()]) or (
        await made_again.lack_acknowledgements(connection, acknowledged)
    )


async def _read_events(
    nats: Client, proof: Proof, world: World, logged: Mapping[UUID, _Logged], result: RebuiltAlerts
) -> dict[UUID, _Told]:
    """Return the alerts of all events that the service has taken, by id, in the order of the stream."""
    found: dict[UUID, _Told] = {}
    for family, durable in subjects.CONSUMERS["notify"].items():
        if subjects.stream_of(family) != subjects.STATUS_STREAM:
            continue
        end = await acknowledged_until(nats.jetstream(), subjects.STATUS_STREAM, durable) or 0
        async for batch in read_stream(nats, subjects.STATUS_STREAM, family):
            for message in proof.proved(batch):
                try:
                    alerts = read_alerts(message.data, (message.headers or {}).get("traceparent"), world.reference)
                except (LookupError, ValueError, ArithmeticError):
                    result.unreadable.append(f"{message.metadata.sequence.stream} {message.subject}")
                    continue
                for alert in alerts:
                    is_taken = message.metadata.sequence.stream <= end
                    if is_taken or alert.id in logged:
                        found.setdefault(alert.id, _Told(alert, message, logged.get(alert.id), is_taken))
    return dict(sorted(found.items(), key=lambda one: one[1].message.metadata.sequence.stream))


def _decided(found: Iterable[_Told], world: World) -> dict[Way, datetime]:
    """Return by role and channel when the newest alert was raised that was told so.

    What had been raised by then was told with it, or left out, which the log does not say. A webhook is called for each
    alert by itself.
    """
    decided: dict[Way, datetime] = {}
    for told in found:
        if not told.logged or not told.logged.notices:
            continue
        known = {(entry.recipient, entry.channel) for entry in told.logged.notices.values()}
        for draft in route([Draft((told.alert,))], world):
            if draft.channel != "webhook" and (str(draft.recipient), draft.channel) in known:
                way = way_of(draft)
                decided[way] = max(decided.get(way, told.logged.raised_at), told.logged.raised_at)
    return decided


def _left(told: _Told, begins: datetime | None, world: World, decided: Mapping[Way, datetime]) -> set[Way]:
    """Return the ways by which an alert is to be told and of which the log says nothing.

    None where the alert is from before the log's beginning: it keeps a year, and may have been lost before. Of what
    somebody has acknowledged only the subscribed systems are told, which hear of everything.
    """
    alert, message, logged = told.alert, told.message, told.logged
    if logged is None and (begins is None or message.metadata.timestamp < begins):
        return set()
    entries = logged.notices if logged else {}
    known = {(entry.recipient, entry.channel) for entry in entries.values()}

    def is_told(draft: Draft) -> bool:
        if draft.channel == "webhook":
            return draft.id in entries
        if logged and logged.acknowledged:
            return True
        was_decided = logged is not None and logged.raised_at <= decided.get(way_of(draft), _NEVER)
        return was_decided or (str(draft.recipient), draft.channel) in known

    return {way_of(draft) for draft in route([Draft((alert,))], world) if not is_told(draft)}


def _was_told(told: _Told) -> bool:
    """Say whether a notice of the alert has gone out, or was withheld: to tell all again would tell somebody twice."""
    entries = told.logged.notices.values() if told.logged else ()
    return any(entry.event is not AlertEvent.FAILED for entry in entries)


async def _record(connection: AsyncConnection, missing: Iterable[_Told], now: datetime) -> None:
    rows: list[NewAlert] = [
        alert_row(told.alert, told.logged.raised_at if told.logged else told.message.metadata.timestamp)
        for told in missing
    ]
    await made_again.record(connection, rows, ENDING, now)


async def _settle(connection: AsyncConnection, logged: Mapping[UUID, _Logged]) -> int:
    """Settle what the tables have to tell and the log says was told, of alerts of every kind; return its number."""
    return await made_again.settle(
        connection, [_ended(entry) for entries in logged.values() for entry in entries.notices.values()]
    )


def _ended(entry: AlertLogged) -> EndedNotice:
    return EndedNotice(
        entry.notice or entry.id,
        entry.alert,
        entry.recipient or "",
        entry.channel or "email",
        _OF_NOTICES[entry.event].value,
        entry.at,
    )


async def _climb_on(connection: AsyncConnection, found: Mapping[UUID, _Told], world: World) -> int:
    """Let alerts climb on from the step to which the log says that they have climbed; return their number."""
    climbed = []
    for told in found.values():
        own = world.of(told.alert)
        for branch, step in told.logged.escalated.items() if told.logged else ():
            if (of_plan := own.tree.branches.get(branch)) is None:
                continue
            climbs = escalations(of_plan, told.alert)
            days = climbs[step].after_working_days if step < len(climbs) else None
            climbed.append(Climbed(told.alert.id, branch, step, days))
    return await made_again.climb_on(connection, climbed)


async def _record_notices(connection: AsyncConnection, found: Mapping[UUID, _Told]) -> int:
    """Record the notices of the log, without their words and addresses; return how many were missing."""
    entries: dict[UUID, AlertLogged] = {}
    alerts: defaultdict[UUID, list[Alert]] = defaultdict(list)
    for told in found.values():
        for notice, entry in (told.logged.notices if told.logged else {}).items():
            entries[notice] = entry
            alerts[notice].append(told.alert)
    rows = [_notice(entry, alerts[notice]) for notice, entry in entries.items()]
    mentions: list[MentionValues] = [
        {"notice": notice, "alert": alert.id, "left_out": None, "because": None}
        for notice, of_notice in alerts.items()
        for alert in of_notice
    ]
    return await made_again.record_told(connection, rows, mentions)


def _notice(entry: AlertLogged, alerts: Sequence[Alert]) -> StoredNotice:
    newest = alerts[-1]
    return StoredNotice(
        id=entry.notice or entry.id,
        branch="",
        gathering=None,
        subscription=None,
        recipient=entry.recipient or "",
        unit=newest.unit.key,
        unit_code=newest.occasion.unit.code,
        name="",
        channel=entry.channel or "email",
        address="",
        language="vi",
        status=_OF_NOTICES[entry.event].value,
        reason=None,
        waited=None,
        step=0,
        subject=None,
        text=None,
        html=None,
        thread=newest.thread,
        trace=newest.trace,
        sample=any(alert.sample for alert in alerts),
        request_id=entry.notice or entry.id,
        attempts=0 if entry.event is AlertEvent.WITHHELD else 1,
        created_at=entry.at,
        due_at=None,
        retry_until=entry.at,
        parts=None,
        cost_dong=None,
        link_hash=None,
    )


def _climbing(missing: Iterable[_Told], left: set[UUID], world: World) -> Iterable[NewEscalation]:
    """Yield the next step of each missing alert that was told, is not acknowledged and climbs by a branch."""
    for told in missing:
        logged, alert = told.logged, told.alert
        if alert.id in left or logged is None or logged.told_at is None or logged.acknowledged or not opens(alert):
            continue
        own = world.of(alert)
        for branch in taking(own.tree, alert, own.reference):
            step = logged.escalated.get(branch.id, 0)
            if step < len(climbs := escalations(branch, alert)):
                due_at = after_working_days(logged.told_at, climbs[step].after_working_days)
                since = logged.told_at
                yield {"alert": alert.id, "branch": branch.id, "step": step, "since": since, "due_at": due_at}


def _untold_message(told: _Told, ways: Collection[Way] | None) -> UntoldMessage:
    """Return the message of an alert that is to be told: by some ways, or by all (None)."""
    message = told.message
    headers = {**(message.headers or {}), **(as_header(ways) if ways else {})}
    return UntoldMessage(message.metadata.sequence.stream, message.subject, headers, message.data.decode())


def _world(plans: Plans, now: datetime) -> World:
    """Return what routing knows without contacts, silences and subscriptions, which no stream has."""
    reference = plans.in_force(now.date())
    return World(
        reference=reference,
        tree=Tree.of(reference.plan),
        contacts={},
        channels=frozenset(),
        retry_for=timedelta(),
        now=now,
        plans={one.plan.id: one for one in plans},
    )
