"""The streams in a backup: JetStream's own snapshots, which keep numbers, times, ids and headers to the byte.

nats-py has no call for them: https://docs.nats.io/reference/reference-protocols/nats_api_reference. Consumers are not
in them, for they are ahead of the database's snapshot: they are made again and begin where the database ends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NotFoundError

from shared.backup.archive import Part, Writer
from shared.backup.errors import IncompleteRestoreError, StreamRefusedError, StreamUnreadableError
from shared.backup.manifest import StreamNote
from shared.contracts import subjects
from shared.nats.consumers import acknowledged_until
from shared.nats.streams import OUR_LIMIT

_CHUNK_BYTES = 128 << 10
_PATIENCE_SECONDS = 600
"""The time for an answer: before its first chunk the server reads the whole stream to check it."""
_ROUTE_SECONDS = 10
"""The time in which a cluster's servers have told each other who listens to a subject."""


async def positions(nats: Client) -> dict[str, dict[str, int]]:
    """Return the number up to which each consumer of the services has acknowledged all, by stream; 0: nothing."""
    js = nats.jetstream()
    found: dict[str, dict[str, int]] = {}
    for families in subjects.CONSUMERS.values():
        for family, consumer in families.items():
            stream = subjects.stream_of(family) or ""
            found.setdefault(stream, {})[consumer] = await acknowledged_until(js, stream, consumer) or 0
    return found


async def dump(nats: Client, archive: Writer) -> list[StreamNote]:
    """Write a snapshot of every stream, while the system runs."""
    notes = []
    for stream in subjects.STREAMS:
        try:
            await nats.jetstream().stream_info(stream)
        except NotFoundError:
            if stream == subjects.CLOCK_STREAM:  # only a simulated clock has it
                continue
            raise
        with archive.member(f"streams/{stream}") as write:
            notes.append(await _snapshot(nats, stream, write))
    return notes


async def _snapshot(nats: Client, stream: str, write: Callable[[bytes], None]) -> StreamNote:
    inbox = nats.new_inbox()
    subscription = await nats.subscribe(inbox)
    try:
        wanted = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": _CHUNK_BYTES, "jsck": True}
        begun = await _call(nats, f"$JS.API.STREAM.SNAPSHOT.{stream}", wanted)
        while True:
            chunk = await subscription.next_msg(timeout=_PATIENCE_SECONDS)
            if not chunk.data:  # the end
                status = (chunk.headers or {}).get("Status", "204")
                if status != "204":
                    raise StreamUnreadableError(stream, f"{status} {(chunk.headers or {}).get('Description', '')}")
                break
            write(chunk.data)
            if chunk.reply:
                await nats.publish(chunk.reply, b"")  # the server sends on once chunks are taken
    except (APIError, NatsError) as error:
        raise StreamUnreadableError(stream, str(error) or type(error).__name__) from error
    finally:
        await subscription.unsubscribe()
    return StreamNote(name=stream, config=begun["config"], state=begun["state"])


async def messages_in(nats: Client) -> dict[str, int]:
    """Return the number of the last message of each stream that exists; 0: it has had none."""
    js, found = nats.jetstream(), {}
    for stream in subjects.STREAMS:
        try:
            found[stream] = (await js.stream_info(stream)).state.last_seq
        except NotFoundError:
            continue
    return found


async def restore(
    nats: Client, notes: Sequence[StreamNote], first: Part | None, parts: Iterator[Part], replicas: int | None
) -> None:
    """Make every stream again from its snapshot, in the place of what has its name."""
    by_member = {note.member: note for note in notes}
    js = nats.jetstream(timeout=30)
    for stream in await messages_in(nats):
        await js.delete_stream(stream)
    part = first
    while part is not None:
        if part.member not in by_member:
            part = next(parts, None)
            continue
        note = by_member[part.member]
        try:
            part = await _restore(nats, note, part, parts, replicas)
        except (APIError, NatsError) as error:
            raise StreamRefusedError(note.name, str(error) or type(error).__name__) from error
    restored = await messages_in(nats)
    for note in notes:
        if restored.get(note.name, -1) < note.last_sequence:
            raise IncompleteRestoreError(note.member)


async def _restore(
    nats: Client, note: StreamNote, first: Part, parts: Iterator[Part], replicas: int | None
) -> Part | None:
    """Make one stream again; return the first part behind it."""
    config = _without_our_limit(note.config) | ({} if replicas is None else {"num_replicas": replicas})
    begun = await _call(nats, f"$JS.API.STREAM.RESTORE.{note.name}", {"config": config, "state": note.state})
    part: Part | None = first
    while part is not None and part.member == note.member:
        for start in range(0, len(part.data), _CHUNK_BYTES):
            chunk = part.data[start : start + _CHUNK_BYTES]
            await _hand_over(nats, begun["deliver_subject"], chunk)
        part = next(parts, None)
    await _hand_over(nats, begun["deliver_subject"], b"")
    return part


async def _hand_over(nats: Client, subject: str, chunk: bytes) -> None:
    """Send a chunk to the server that restores; in a cluster its answer may come before word that it listens there."""
    clock = asyncio.get_running_loop()
    last_try = clock.time() + _ROUTE_SECONDS
    while True:
        try:
            _checked((await nats.request(subject, chunk, timeout=_PATIENCE_SECONDS)).data)
        except NoRespondersError:  # so nobody has the chunk
            if clock.time() > last_try:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _without_our_limit(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's settings without its share of the former store: it gets its share of the new one afterwards."""
    metadata = config.get("metadata") or {}
    if metadata.get(OUR_LIMIT) != str(config.get("max_bytes")):  # an operator's own limit stays
        return dict(config)
    return {**config, "max_bytes": -1, "metadata": {name: metadata[name] for name in metadata if name != OUR_LIMIT}}


async def reset_consumers(nats: Client, positions: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Let the services' consumers begin behind these numbers (ADR-60); return how many come again, by stream."""
    js, again = nats.jetstream(), dict[str, int]()
    for stream, consumers in positions.items():
        last = (await js.stream_info(stream)).state.last_seq
        for consumer, position in consumers.items():
            await _call(nats, f"$JS.API.CONSUMER.RESET.{stream}.{consumer}", {"seq": min(position, last) + 1})
            pending = (await js.consumer_info(stream, consumer)).num_pending or 0
            again[stream] = max(again.get(stream, 0), pending)
    return again


async def _call(nats: Client, subject: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return _checked((await nats.request(subject, json.dumps(wanted).encode(), timeout=_PATIENCE_SECONDS)).data)


def _checked(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer) if answer else {}
    if error := found.get("error"):
        raise APIError.from_error(error)
    return found
