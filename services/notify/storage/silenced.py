"""The SQL of what silences hold back: alerts that notices leave out until the end of a silence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, FromClause, Select, Uuid, and_, cast, func, literal_column, select, tuple_
from sqlalchemy import update as update_of
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.significance import APART
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import ALERT_COLUMNS, alert, lock_topics, mention, notice
from services.notify.storage.silences import silence
from services.notify.storage.tables import GatheredRow
from shared.contracts.alert import ChannelName
from shared.postgres.statements import table_of

gathered = table_of(GatheredRow)

# written into the statement and not as a parameter, so that the partial indexes are used
_IS_SILENCED = mention.c.left_out == literal_column("'silenced'")
_APART = [[event.value for event in strand] for strand in APART]


class SilencedAlert(NamedTuple):
    """An alert that a notice left out because of a silence that has ended, and the way by which it was to be told.

    `is_overtaken`: a newer alert about the same came since. `was_told`: the recipient had been told of the alert by
    this channel, and the silence held back a reminder.
    """

    notice: UUID
    silence: UUID
    branch: str
    recipient: str
    channel: ChannelName
    step: int
    is_overtaken: bool
    was_told: bool
    alert: StoredAlert


_WAY = len(SilencedAlert._fields) - 1


async def take_silenced(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[SilencedAlert]:
    """Return the alerts that up to `limit` ended silences hold back still, and lock these silences.

    No other transaction takes them meanwhile, or stores a newer alert about the same.
    """
    held_back = select(mention.c.notice).where(
        mention.c.because == silence.c.id, _IS_SILENCED, mention.c.released_at.is_(None)
    )
    ended = (
        select(silence.c.id)
        .where(silence.c.ends_at <= now, held_back.exists())
        .order_by(silence.c.ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    silences = (await connection.scalars(ended)).all()
    if not silences:
        return []
    are_held_back = and_(mention.c.because == func.any(list(silences)), _IS_SILENCED, mention.c.released_at.is_(None))
    about = select(alert.c.unit, alert.c.topic).join(mention, alert.c.id == mention.c.alert)
    await lock_topics(connection, about.where(are_held_back))
    newer, told, of_told = alert.alias("newer"), mention.alias("told"), notice.alias("of_told")
    overtaken = select(newer.c.id).where(is_newer_about_the_same(newer, alert))
    before = (
        select(told.c.alert)
        .join_from(told, of_told, of_told.c.id == told.c.notice)
        .where(
            told.c.alert == mention.c.alert,
            told.c.left_out.is_(None),
            of_told.c.recipient == notice.c.recipient,
            of_told.c.channel == notice.c.channel,
        )
    )
    query = (
        select(
            mention.c.notice,
            mention.c.because,
            *(notice.c[name] for name in ("branch", "recipient", "channel", "step")),
            overtaken.exists(),
            before.exists(),
            *ALERT_COLUMNS,
        )
        .join_from(mention, notice, notice.c.id == mention.c.notice)
        .join(alert, alert.c.id == mention.c.alert)
        .where(are_held_back)
        .order_by(alert.c.at, alert.c.id, mention.c.notice)
    )
    rows: Sequence[Sequence[Any]] = (await connection.execute(query)).all()
    return [SilencedAlert._make((*row[:_WAY], StoredAlert(*row[_WAY:]))) for row in rows]


async def release(connection: AsyncConnection, rows: Sequence[SilencedAlert], now: datetime) -> None:
    """Note that these alerts are held back no longer."""
    keys = func.unnest(
        cast([row.notice for row in rows], ARRAY(Uuid)), cast([row.alert.id for row in rows], ARRAY(Uuid))
    )
    released = keys.table_valued("notice", "alert").render_derived(name="released")
    statement = update_of(mention).where(
        mention.c.notice == released.c.notice, mention.c.alert == released.c.alert, mention.c.released_at.is_(None)
    )
    await connection.execute(statement.values(released_at=now))


def silenced_before(gatherings: Collection[UUID]) -> Select[tuple[UUID, UUID, int]]:
    """Select older alerts about the same as alerts that wait in gatherings, which silences have held back since the
    gathering last told of this topic: by them `settle` knows from which state the recipient comes.
    """
    waiting, told, last, of_told = (
        alert.alias("waiting"),
        mention.alias("told"),
        alert.alias("last"),
        notice.alias("of_told"),
    )
    told_since = (
        select(last.c.id)
        .join_from(last, told, told.c.alert == last.c.id)
        .join(of_told, of_told.c.id == told.c.notice)
        .where(
            told.c.left_out.is_(None),
            of_told.c.gathering == notice.c.gathering,
            last.c.unit == alert.c.unit,
            last.c.topic == alert.c.topic,
            last.c.at >= alert.c.at,
        )
    )
    return (
        select(notice.c.gathering, mention.c.alert, notice.c.step)
        .join_from(mention, notice, notice.c.id == mention.c.notice)
        .join(alert, alert.c.id == mention.c.alert)
        .join(gathered, gathered.c.gathering == notice.c.gathering)
        .join(waiting, waiting.c.id == gathered.c.alert)
        .where(
            _IS_SILENCED,
            gathered.c.gathering == func.any(list(gatherings)),
            is_newer_about_the_same(waiting, alert),
            ~told_since.exists(),
        )
    )


def is_newer_about_the_same(newer: FromClause, older: FromClause) -> ColumnElement[bool]:
    """Say whether an alert is newer than another about the same topic. Each entry about a difficulty is its own."""
    return and_(
        newer.c.unit == older.c.unit,
        newer.c.topic == older.c.topic,
        newer.c.kind == older.c.kind,
        older.c.kind != "problem",
        *(newer.c.event.in_(strand) == older.c.event.in_(strand) for strand in _APART),
        tuple_(newer.c.at, newer.c.id) > tuple_(older.c.at, older.c.id),
    )
