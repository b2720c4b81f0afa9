"""The streams that the services expect on the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError

from shared.contracts import subjects
from shared.nats.store_limits import differs_notably, stream_limit

_DUPLICATE_WINDOW_SECONDS = 3600
_YEAR_SECONDS = 366 * 24 * 3600

OUR_LIMIT = "ntm_max_bytes"
"""The key in a stream's metadata of the limit that we have set: another limit is an operator's own, and stays."""

NO_PEERS = 10005
NO_CLUSTER = 10074
"""The code by which a server that is alone refuses more than one copy of a stream."""
"""The error code of a cluster that finds no servers for a stream; also while it forms, and does not know them all."""

_NO_ROOM = {10028, 10047}
_NO_PEER_HAS_ROOM = "insufficient storage"


class NoRoomError(Exception):
    """The server's store has no room for a stream, with the limits that its streams have."""


def finds_no_room(err_code: int | None, description: str | None) -> bool:
    """Say whether a server's error means that its store, or that of each server of a cluster, has no room."""
    return err_code in _NO_ROOM or (err_code == NO_PEERS and _NO_PEER_HAS_ROOM in (description or ""))


@dataclass(frozen=True, slots=True)
class StreamChange:
    """A setting of a stream that differs from what it should be."""

    stream: str
    setting: str
    before: Any
    after: Any
    is_made: bool
    """False where it would lower what the stream keeps, and nobody asked for that by the stream's name."""
    has_room: bool = True
    """False where the server's store has no room for it, and it was not made."""


async def ensure_streams(
    js: JetStreamContext,
    replicas: int | None = None,
    lower: Collection[str] = (),
    *,
    store_bytes: int | None = None,
    dry_run: bool = False,
) -> list[StreamChange]:
    """Create the streams that are missing, bring the others' settings up to date, and return what differed.

    `replicas` is None to keep what a stream has; a new one then has one. Fewer replicas, a shorter time for which
    messages are kept, or a lower limit come about only on streams that `lower` names. Settings that the services do
    not need, such as an operator's limits, stay. `store_bytes` is the limit of the server's store, which the streams
    share; None: it is not known, and they get no limits. With `dry_run` nothing is changed.
    """
    changes: list[StreamChange] = []
    for name in subjects.NEEDED:
        wanted = _wanted(name, replicas)
        try:
            info = await js.stream_info(name)
        except NotFoundError:
            limit = {} if store_bytes is None else _limited(stream_limit(name, store_bytes))
            wanted |= {setting: value for setting, value in limit.items() if setting == "max_bytes"}
            changes += [StreamChange(name, setting, None, value, True) for setting, value in wanted.items()]
            if not dry_run:
                await _add(js, StreamConfig(name=name, **(wanted | limit)))
            continue
        wanted |= _wanted_limit(info, store_bytes)
        differing = _differences(name, info.config, wanted, may_lower=name in lower)
        if not dry_run:
            differing = await _update(js, info.config, differing)
        changes += differing
    return changes


async def _update(js: JetStreamContext, existing: StreamConfig, differing: list[StreamChange]) -> list[StreamChange]:
    """Make the changes, and return them with what came of each."""
    made = {change.setting: change.after for change in differing if change.is_made}
    if not made:
        return differing
    limit = _limited(made["max_bytes"], existing.metadata) if "max_bytes" in made else {}
    try:
        await js.update_stream(existing.evolve(**(made | limit)))
    except APIError as error:
        if not finds_no_room(error.err_code, error.description):
            raise
        return [replace(change, is_made=False, has_room=not change.is_made) for change in differing]
    return differing


async def _add(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except APIError as error:
        if finds_no_room(error.err_code, error.description):
            raise NoRoomError(f"{config.name}: {error.description}") from None
        raise


def _wanted_limit(info: StreamInfo, store_bytes: int | None) -> dict[str, int]:
    """Return the limit that a stream is to have; none where an operator has set one, or it has nearly that one."""
    before = info.config.max_bytes or 0
    is_ours = before <= 0 or (info.config.metadata or {}).get(OUR_LIMIT) == str(before)
    if store_bytes is None or not is_ours:
        return {}
    after = stream_limit(info.config.name or "", store_bytes, 0 if before > 0 else info.state.bytes)
    return {"max_bytes": after} if before <= 0 or differs_notably(before, after) else {}


def _limited(max_bytes: int, metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the settings of a stream's limit, with a note that it is ours."""
    return {"max_bytes": max_bytes, "metadata": {**(metadata or {}), OUR_LIMIT: str(max_bytes)}}


async def ensure_stream(js: JetStreamContext, name: str) -> bool:
    """Create a stream that is missing, and return whether it was."""
    try:
        await js.stream_info(name)
    except NotFoundError:
        await js.add_stream(StreamConfig(name=name, **_wanted(name, None)))
        return True
    return False


def _wanted(name: str, replicas: int | None) -> dict[str, Any]:
    """Return a stream's settings. Only streams of `KEPT_A_YEAR` and `KEPT_LAST` drop old messages, also where full."""
    wanted = {
        "subjects": subjects.NEEDED[name],
        "duplicate_window": float(_DUPLICATE_WINDOW_SECONDS),
        "allow_atomic": True,
        "allow_direct": True,
        "max_age": float(_YEAR_SECONDS) if name in subjects.KEPT_A_YEAR else 0.0,
    }
    if name in subjects.KEPT_LAST:
        wanted["max_msgs_per_subject"] = 1
    if name in subjects.KEPT:
        wanted["discard"] = DiscardPolicy.NEW
    return wanted if replicas is None else {**wanted, "num_replicas": replicas}


def _differences(
    name: str, existing: StreamConfig, wanted: Mapping[str, Any], *, may_lower: bool
) -> list[StreamChange]:
    changes = []
    for setting, after in wanted.items():
        before = getattr(existing, setting)
        if setting == "subjects":
            before, after = sorted(before or ()), sorted(after)
        if before != after and (before or after):
            lowers = setting in _LOWERS and _LOWERS[setting](before or 0, after)
            changes.append(StreamChange(name, setting, before, after, may_lower or not lowers))
    return changes


_LOWERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "num_replicas": lambda before, after: after < before,
    "max_age": lambda before, after: after != 0 and (before == 0 or after < before),  # 0 is for ever
    "subjects": lambda before, after: not set(before) <= set(after),
    "max_bytes": lambda before, after: 0 < after < before,
}
"""By setting: whether the new value keeps less than the one before."""
