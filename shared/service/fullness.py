"""Disks and streams that are nearly full, so that somebody makes room before anything is refused."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from nats.aio.client import Client

from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase

NEARLY_FULL_PERCENT = 80
"""The share of a limit from which on operators are told. Ours: a month or more of a year's growth is then left."""

_SECONDS = 3


async def nearly_full(
    nats: Client, streams: Sequence[str], store_bytes: int | None, disks: Sequence[Path]
) -> Bilingual | None:
    """Say which of these are nearly full, and how full; None where none is.

    `store_bytes` is the limit of the broker's store; None: it is not known.
    """
    parts = [*_full_disks(disks), *[part async for part in _full_streams(nats, streams, store_bytes)]]
    if not parts:
        return None
    return Bilingual(vi="; ".join(part.vi for part in parts), en="; ".join(part.en for part in parts))


def _full_disks(disks: Sequence[Path]) -> Iterator[Bilingual]:
    for disk in {disk.stat().st_dev: disk for disk in reversed(disks)}.values():  # each disk once
        room = os.statvfs(disk)
        # what is kept for root counts for nobody, as `df` has it
        if percent := _percent(room.f_blocks - room.f_bfree, room.f_blocks - room.f_bfree + room.f_bavail):
            yield filled(phrase("fullness.disk"), disk=disk, percent=percent)
        if percent := _percent(room.f_files - room.f_ffree, room.f_files - room.f_ffree + room.f_favail):
            yield filled(phrase("fullness.files"), disk=disk, percent=percent)


async def _full_streams(nats: Client, streams: Sequence[str], store_bytes: int | None) -> AsyncIterator[Bilingual]:
    js = nats.jetstream(timeout=_SECONDS)
    if store_bytes and (percent := _percent((await js.account_info()).storage, store_bytes)):
        yield filled(phrase("fullness.store"), percent=percent)
    for stream in streams:
        info = await js.stream_info(stream)
        if percent := _percent(info.state.bytes, info.config.max_bytes or 0):
            yield filled(phrase("fullness.stream"), stream=stream, percent=percent)


def _percent(used: int, limit: int) -> int | None:
    """Return the share that is used where it is worth telling. File systems without a limit have none or -1."""
    percent = used * 100 // limit if limit > 0 else 0
    return percent if percent >= NEARLY_FULL_PERCENT else None
