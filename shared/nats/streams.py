"""The streams that the services expect on the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from shared.contracts import subjects

_DUPLICATE_WINDOW_SECONDS = 3600
_YEAR_SECONDS = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class StreamChange:
    """A setting of a stream that differs from what it should be."""

    stream: str
    setting: str
    before: Any
    after: Any
    is_made: bool
    """False where it would lower what the stream keeps, and nobody asked for that by the stream's name."""


async def ensure_streams(
    js: JetStreamContext, replicas: int | None = None, lower: Collection[str] = (), *, dry_run: bool = False
) -> list[StreamChange]:
    """Create the streams that are missing, bring the others' settings up to date, and return what differed.

    `replicas` is None to keep what a stream has; a new one then has one. Fewer replicas, or a shorter time for which
    messages are kept, come about only on streams that `lower` names. Settings that the services do not need, such as an
    operator's limits, stay. With `dry_run` nothing is changed.
    """
    changes: list[StreamChange] = []
    for name in subjects.NEEDED:
        wanted = _wanted(name, replicas)
        try:
            existing = (await js.stream_info(name)).config
        except NotFoundError:
            changes += [StreamChange(name, setting, None, value, True) for setting, value in wanted.items()]
            if not dry_run:
                await js.add_stream(StreamConfig(name=name, **wanted))
            continue
        differing = _differences(name, existing, wanted, may_lower=name in lower)
        changes += differing
        made = {change.setting: change.after for change in differing if change.is_made}
        if made and not dry_run:
            await js.update_stream(existing.evolve(**made))
    return changes


async def ensure_stream(js: JetStreamContext, name: str) -> bool:
    """Create a stream that is missing, and return whether it was."""
    try:
        await js.stream_info(name)
    except NotFoundError:
        await js.add_stream(StreamConfig(name=name, **_wanted(name, None)))
        return True
    return False


def _wanted(name: str, replicas: int | None) -> dict[str, Any]:
    """Return a stream's settings. Only streams of `KEPT_A_YEAR` and `KEPT_LAST` drop old messages."""
    wanted = {
        "subjects": subjects.NEEDED[name],
        "duplicate_window": float(_DUPLICATE_WINDOW_SECONDS),
        "allow_atomic": True,
        "allow_direct": True,
        "max_age": float(_YEAR_SECONDS) if name in subjects.KEPT_A_YEAR else 0.0,
    }
    if name in subjects.KEPT_LAST:
        wanted["max_msgs_per_subject"] = 1
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
}
"""By setting: whether the new value keeps less than the one before."""
