"""The office's mirrors of streams: made, compared with their streams, and made anew where they differ.

A mirror does not always come right by itself. The server hands a mirror's messages to the disk later than it
acknowledges them, so that a mirror whose server was killed goes on behind a gap; and a mirror whose stream was made
anew waits until the stream's numbers have passed its own.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.js.errors import APIError, NotFoundError

from shared.contracts.subjects import STATUS_STREAM
from shared.nats import national
from shared.nats.consumers import NO_STORE, DamagedConsumersError, directory_of
from shared.nats.roles import FEEDS_MIRROR, MIRROR_API, MIRROR_CONSUMER, MIRRORED, mirror_delivery, mirror_info
from shared.nats.store_limits import differs_notably, stream_limit
from shared.nats.streams import NoRoomError, finds_no_room

_DIRECTS = b"Nats-"
"""The beginning of the headers that tell the server what to do with a message, such as the part of a batch it is."""
_WITH_GAPS = {"deleted_details": True}
"""Has the server name the numbers of the messages that a stream lacks."""
_LOOKED_AT = 100


class Fault(StrEnum):
    """A way in which a mirror differs from its stream, beyond being behind."""

    OLDER = "older"
    """The stream was made anew after the mirror."""
    AHEAD = "ahead"
    """It goes beyond the end of the stream, which lost its last messages."""
    LACKING = "lacking"
    """It lacks messages before its end."""
    OTHER = "other"
    """It has another message than the stream under one number."""


class MadeMirror(NamedTuple):
    """A mirror that was made, or would be."""

    stream: str
    fault: Fault | None
    """The fault for which it was made anew; None: there was no mirror."""


async def ensure_mirrors(
    nats: Client,
    office: Client,
    replicas: int | None = None,
    *,
    store_bytes: int | None = None,
    dry_run: bool = False,
) -> list[MadeMirror]:
    """Make the mirrors that are missing or faulty, and return them; with `dry_run` nothing is changed.

    `nats` manages the streams, `office` is a user of the office's account. With a mirror that is made anew the
    office's consumers on it are gone. `store_bytes` is the limit of the server's store, of which a mirror has the
    share of its stream; one that is there gets a higher limit where the store has one.
    """
    made = []
    for name in MIRRORED:
        try:
            mirror = await _info(office, name)
        except NotFoundError:
            fault = None
        else:
            fault = await fault_of(nats, office, name, mirror)
            if fault is None:
                if store_bytes is not None and not dry_run:
                    await _raise_limit(office, name, mirror["config"], stream_limit(name, store_bytes))
                continue
        made.append(MadeMirror(name, fault))
        if dry_run:
            continue
        if fault is not None:
            await office.jetstream().delete_stream(name)
        # a consumer that has fed another mirror would go on where that one ended
        await _begin_again(nats, name)
        await _make(office, name, replicas, None if store_bytes is None else stream_limit(name, store_bytes))
    return made


async def fault_of(nats: Client, office: Client, name: str, mirror: dict[str, Any]) -> Fault | None:
    """Return how a mirror differs from its stream; None where it is only behind, or keeps more.

    Messages are compared at the mirror's ends alone.
    """
    if fault := await _plain_fault(nats, name, mirror):
        return fault
    if mirror["state"]["messages"]:
        for sequence in {mirror["state"]["first_seq"], mirror["state"]["last_seq"]}:
            here, there = await _message(office, name, sequence), await _message(nats, name, sequence)
            if here and there and here != there:
                return Fault.OTHER
    return None


async def plain_faults(service: Client) -> dict[str, Fault]:
    """Return by stream the faults that numbers and times show to a service which may ask for both.

    A system without an office has no mirrors, and no faults.
    """
    faults = {}
    for name in MIRRORED:
        try:
            mirror = await call(service, mirror_info(name), _WITH_GAPS)
        except NotFoundError:
            continue
        if fault := await _plain_fault(service, name, mirror):
            faults[name] = fault
    return faults


async def _plain_fault(nats: Client, name: str, mirror: dict[str, Any]) -> Fault | None:
    stream = await _info(nats, name)  # later than the mirror, which could seem to be ahead otherwise
    if stream["created"] > mirror["created"]:
        return Fault.OLDER
    fault = fault_by_numbers(stream["state"], mirror["state"])
    if fault is Fault.LACKING and not await _can_be_mirrored(nats, name, lacking(stream["state"], mirror["state"])):
        return None
    return fault


async def _can_be_mirrored(nats: Client, stream: str, numbers: Collection[int]) -> bool:
    """Say whether the stream can hand over any of these messages: it counts those that are damaged on its disk too."""
    for number in islice(numbers, _LOOKED_AT):
        if await _message(nats, stream, number):
            return True
    return len(numbers) > _LOOKED_AT


def lacking(stream: dict[str, Any], mirror: dict[str, Any]) -> Sequence[int]:
    """Return the numbers of messages that a stream has, by its own words, and its mirror lacks before its end."""
    here, gone = {*mirror.get("deleted", ())}, {*stream.get("deleted", ())}
    early = range(stream["first_seq"], mirror["first_seq"])
    return [*(number for number in early if number not in gone), *sorted(here - gone)]


def fault_by_numbers(stream: dict[str, int], mirror: dict[str, int]) -> Fault | None:
    """Return the fault that the numbers of a stream and of its mirror show."""
    if mirror["last_seq"] > stream["last_seq"]:
        return Fault.AHEAD
    if not mirror["last_seq"] or not stream["messages"]:
        return None
    if mirror["first_seq"] > stream["first_seq"]:
        return Fault.LACKING
    begins_alike = mirror["first_seq"] == stream["first_seq"]
    return Fault.LACKING if begins_alike and _gaps(mirror) > _gaps(stream) else None


def _gaps(state: dict[str, int]) -> int:
    return state["last_seq"] - state["first_seq"] + 1 - state["messages"]


async def ensure_mirror_consumers(nats: Client) -> None:
    """Make the consumers that feed the mirrors of both offices (ADR-60), of which nats-py knows nothing yet."""
    for stream in MIRRORED:
        await _make_consumer(nats, stream)
    for config in national.CONSUMERS.values():
        await _make_consumer_of(nats, STATUS_STREAM, config)


async def _begin_again(nats: Client, stream: str) -> None:
    with suppress(NotFoundError):
        await nats.jetstream().delete_consumer(stream, MIRROR_CONSUMER)
    await _make_consumer(nats, stream)


async def _make_consumer(nats: Client, stream: str) -> None:
    config = {
        "name": MIRROR_CONSUMER,
        "durable_name": MIRROR_CONSUMER,
        "deliver_subject": mirror_delivery(stream),
        **FEEDS_MIRROR,
    }
    await _make_consumer_of(nats, stream, config)


async def _make_consumer_of(nats: Client, stream: str, config: dict[str, Any]) -> None:
    name = config["name"]
    try:
        await call(nats, f"$JS.API.CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config})
    except APIError as error:
        if error.err_code == NO_STORE:
            raise DamagedConsumersError([directory_of(stream, name)]) from error
        raise


async def _make(office: Client, stream: str, replicas: int | None, max_bytes: int | None) -> None:
    consumer = {"name": MIRROR_CONSUMER, "deliver_subject": mirror_delivery(stream)}
    source = {"name": stream, "external": {"api": MIRROR_API}, "consumer": consumer}
    mirror = {"name": stream, "mirror": source, "allow_direct": True, "mirror_direct": True}
    if replicas is not None:
        mirror["num_replicas"] = replicas
    if max_bytes is not None:
        mirror["max_bytes"] = max_bytes
    await call(office, f"$JS.API.STREAM.CREATE.{stream}", mirror)


async def _raise_limit(office: Client, stream: str, config: dict[str, Any], limit: int) -> None:
    """Raise a mirror's limit, if the store has room for it; a lower one would drop what the mirror holds."""
    before = config.get("max_bytes") or 0
    if before > limit or (before > 0 and not differs_notably(before, limit)):
        return
    with suppress(NoRoomError):
        await call(office, f"$JS.API.STREAM.UPDATE.{stream}", {**config, "max_bytes": limit})


async def _info(client: Client, stream: str) -> dict[str, Any]:
    """Return the server's words on a stream; nats-py leaves out when it was made."""
    return await call(client, f"$JS.API.STREAM.INFO.{stream}", _WITH_GAPS)


async def _message(client: Client, stream: str, sequence: int) -> dict[str, Any] | None:
    """Return a message with its time and its headers, but those that direct the server, of which a mirror keeps few.

    None where the stream does not hold the message.
    """
    try:
        answer = await call(client, f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": sequence})
    except NotFoundError:
        return None
    message: dict[str, Any] = answer["message"]
    lines = b64decode(message.get("hdrs", "")).split(b"\r\n")
    return {**message, "hdrs": [line for line in lines if not line.startswith(_DIRECTS)]}


async def call(client: Client, subject: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return JetStream's answer to a request; NoRoomError or APIError where it is an error."""
    answer: dict[str, Any] = json.loads((await client.request(subject, json.dumps(wanted).encode(), 5)).data)
    if error := answer.get("error"):
        is_full = finds_no_room(error.get("err_code"), error.get("description"))
        raise NoRoomError(error["description"]) if is_full else APIError.from_error(error)
    return answer
