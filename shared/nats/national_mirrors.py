"""The national office's mirrors of what provinces tell: made, compared with what the provinces count, and made anew."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NotFoundError

from shared.nats import national
from shared.nats.mirrors import Fault, call


class ProvinceMirror(NamedTuple):
    """How the mirror of a province was found."""

    province: str
    fault: Fault | None
    is_missing: bool
    is_away: bool
    """The province does not answer: its server is not connected, or has no consumer for the office."""
    behind: int | None
    """The messages that the mirror was still to get; None where the province does not answer."""
    is_made: bool = False
    """It was made, or made anew."""


class _Counted(NamedTuple):
    """The counts of the messages that a province sends to the office, as its server says."""

    all: int
    outstanding: int
    made: str
    """When the consumer was made that feeds the mirror."""


async def ensure_national_mirrors(
    manager: Client, provinces: Sequence[str], *, dry_run: bool = False
) -> list[ProvinceMirror]:
    """Make the mirrors that are missing or faulty, and say how each was found; with `dry_run` nothing is changed.

    A mirror is made only while its province answers, since the consumer that feeds it is to begin again.
    """
    return [await _ensure(manager, province, dry_run=dry_run) for province in provinces]


async def _ensure(manager: Client, province: str, *, dry_run: bool) -> ProvinceMirror:
    before = await _mirror(manager, province)
    counted = await _count(manager, province)
    if counted is None:
        return ProvinceMirror(province, None, before is None, is_away=True, behind=None)
    after = await _mirror(manager, province)
    fault = None if before is None or after is None else _fault(before, counted, after)
    found = ProvinceMirror(province, fault, after is None, is_away=False, behind=counted.outstanding)
    if dry_run or (fault is None and after is not None):
        return found
    stream = national.stream_of(province)
    with suppress(NotFoundError):
        await call(manager, f"{national.API}.STREAM.DELETE.{stream}", {})
    # a consumer that has fed another mirror would go on where that one ended
    await call(manager, national.reset(province), {"seq": 1})
    await call(manager, f"{national.API}.STREAM.CREATE.{stream}", national.mirror_config(province))
    return found._replace(is_made=True)


def _fault(before: dict[str, Any], counted: _Counted, after: dict[str, Any]) -> Fault | None:
    """Return the fault that numbers show: of the mirror, of the province a moment later, and of the mirror again."""
    if counted.made > after["created"]:
        return Fault.OLDER
    if before["state"]["messages"] > counted.all:
        return Fault.AHEAD
    return Fault.LACKING if after["state"]["messages"] < counted.all - counted.outstanding else None


async def _mirror(manager: Client, province: str) -> dict[str, Any] | None:
    try:
        return await call(manager, f"{national.API}.STREAM.INFO.{national.stream_of(province)}", {})
    except NotFoundError:
        return None


async def _count(manager: Client, province: str) -> _Counted | None:
    try:
        # the whole first: what is published meanwhile is outstanding then, and seems to be lacking nowhere
        whole = await call(manager, national.info(province, national.COUNT_CONSUMER), {})
        feeding = await call(manager, national.info(province, national.CONSUMER), {})
    except (NoRespondersError, NatsTimeoutError, NotFoundError):
        return None
    outstanding = feeding["num_pending"] + feeding["num_ack_pending"]
    return _Counted(whole["num_pending"], outstanding, feeding["created"])
