"""Limits of the broker's store: that of the whole store lies below the disk, those of the streams together below it.

JetStream reserves a stream's `max_bytes`, so that no stream takes the place of another. At its own limit a stream
refuses an atomic batch whole; at the limit of the store (2.15), or on a full disk, it keeps the first part and does
not answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shared.contracts import subjects

SHARE_OF_DISK_PERCENT = 40
"""The share of the free disk that the store gets where nobody says otherwise: the database needs as much for the same
submissions, most often on the same disk. Ours, by estimate."""

_LARGEST_SHARE_PERCENT = 80

SHARES_PERCENT: Mapping[str, int] = {
    subjects.SUBMISSIONS_STREAM: 40,
    subjects.STATUS_STREAM: 18,
    subjects.REFERENCE_STREAM: 2,
    subjects.REFUSALS_STREAM: 4,
    subjects.ALERTS_STREAM: 5,
    subjects.OPERATIONS_STREAM: 1,
    subjects.TRIAL_STREAM: 1,
}
"""The share of the store that each stream may fill; a mirror of the office has its stream's share once more. Ours."""

_LEAST_ROOM = 1.25
"""A stream that has no limit yet gets at least so many times what it holds."""

_NOTABLE = 0.1
"""A limit is set anew when it differs by more than this share: free space differs at each start."""


class Room(NamedTuple):
    """The bytes that a store holds, those that are free on its disk, and those that its streams have reserved."""

    held: int
    free: int
    reserved: int

    @property
    def largest_limit(self) -> int:
        """The highest limit that the store may have here."""
        return self.held + self.free * _LARGEST_SHARE_PERCENT // 100

    @property
    def usual_limit(self) -> int:
        """The limit of a store for which nobody has set one."""
        return self.held + self.free * SHARE_OF_DISK_PERCENT // 100

    def limit(self, wanted: int) -> int:
        """Return the limit nearest to the one that is wanted: what the disk allows, and no less than is reserved.

        With less than that a server with several accounts does not start (2.15).
        """
        return max(min(wanted, self.largest_limit), self.reserved)


def room_of(store: Path) -> Room:
    """Return the room of a store's directory, which need not exist yet."""
    held = sum(_size(Path(at) / name) for at, _, names in os.walk(store / "jetstream") for name in names)
    existing = next(path for path in (store, *store.absolute().parents) if path.exists())
    disk = os.statvfs(existing)
    configurations = (store / "jetstream").glob("*/streams/*/meta.inf")
    return Room(held, disk.f_bavail * disk.f_frsize, sum(map(_reserved, configurations)))


def stream_limit(stream: str, store_bytes: int, held: int = 0) -> int:
    """Return the most bytes that a stream may hold in a store of this size."""
    return max(store_bytes * SHARES_PERCENT[stream] // 100, int(held * _LEAST_ROOM))


def differs_notably(before: int, after: int) -> bool:
    """Say whether a limit is to be set anew."""
    return abs(after - before) > before * _NOTABLE


def _reserved(configuration: Path) -> int:
    try:
        return max(0, int(json.loads(configuration.read_bytes())["max_bytes"]))
    except (OSError, ValueError, KeyError, TypeError):  # removed, or damaged: the server does not take it up either
        return 0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # the server has removed it meanwhile
        return 0
