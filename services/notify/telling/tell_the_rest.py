"""The use case of telling the rest: an alert was told by some ways before notify lost its tables, not by others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft
from services.notify.storage.alerts import ended_among
from services.notify.telling.pipeline import Pipeline, pass_stages
from services.notify.telling.tell import gather_or_tell

_HEADER = "Ntm-Left"
"""The header that a rebuild adds to a message that it parks: the ways by which its alert is still to be told."""


class Way(NamedTuple):
    """A way by which an alert is told: by a branch, to a recipient, by a channel."""

    branch: str
    recipient: str
    channel: str


_WAYS = TypeAdapter(list[Way])


def way_of(draft: Draft) -> Way:
    """Return the way of a draft that has a recipient."""
    return Way(draft.branch, str(draft.recipient), draft.channel)


def as_header(ways: Collection[Way]) -> Mapping[str, str]:
    """Return the header that names ways."""
    return {_HEADER: _WAYS.dump_json(sorted(ways)).decode()}


def ways_left(headers: Mapping[str, str] | None) -> Sequence[Way]:
    """Return the ways that a message's header names; none without it. ValueError where it is damaged."""
    named = (headers or {}).get(_HEADER)
    return _WAYS.validate_json(named) if named else []


async def tell_the_rest(
    connection: AsyncConnection, alerts: Sequence[Alert], ways: Collection[Way], pipeline: Pipeline, now: datetime
) -> int:
    """Tell alerts that are known by these ways alone; return how many drafts that makes.

    A webhook that was called already is not called again, since the notice of it is known by its id.
    """
    world = await pipeline.world_reader.world(connection, now)
    over = await ended_among(connection, [alert.id for alert in alerts])
    known = [Draft((replace(alert, is_over=alert.id in over),)) for alert in alerts]
    routed = [draft for draft in pass_stages(known, pipeline.arriving[:1], world) if way_of(draft) in ways]
    drafts = pass_stages(routed, pipeline.arriving[1:], world)
    await gather_or_tell(connection, drafts, pipeline, world)
    return len(drafts)
