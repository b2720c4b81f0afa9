"""Replay: a parked message is processed again, by the handler that it failed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import ValidationError
from sqlalchemy import Row

from shared.contracts import subjects
from shared.contracts.parked_message import Replayed, ReplayRequest
from shared.nats.library_seam import received_message
from shared.service.batch_processing import PROCESSED, Handle, reason_of
from shared.service.parking import ParkingPlace, as_text
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

LOST = "the stream has lost the message, and the copy lacks what was no text in it"

type Handles = Mapping[str, Handle]
"""The service's handlers by the subjects that they are subscribed to, such as `ntm.v1.status.>`."""


async def answer(place: ParkingPlace, nats: Client, handles: Handles, request: bytes) -> bytes:
    """The answer to a `ReplayRequest`: a `Replayed`. Who asks twice, or two at once, have it processed once."""

    async def again(row: Row[Any]) -> str | None:
        message = original(nats, row, await _kept(nats, row))
        if message is None:
            return LOST
        try:
            await handle_of(row.subject, handles)([message])
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("message stays parked", stream=row.stream, subject=row.subject)
            return reason_of(error)
        PROCESSED.labels(row.stream).inc()
        return None

    try:
        replayed = await place.replay(ReplayRequest.model_validate_json(request).number, again)
    except ValidationError as error:
        replayed = Replayed(outcome="unknown", reason=reason_of(error))
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("replay waits", error=str(error))
        replayed = Replayed(outcome="unavailable", reason=reason_of(error))
    return replayed.model_dump_json().encode()


def handle_of(subject: str, handles: Handles) -> Handle:
    """The handler that takes what comes on a subject. KeyError where the service has none any more."""
    for family, handle in handles.items():
        if subjects.is_in(subject, family):
            return handle
    raise KeyError(subject)


def original(nats: Client, row: Row[Any], kept: RawStreamMsg | None) -> Msg | None:
    """The parked message as it came: what its stream keeps, else the row's copy. None where neither is whole.

    A stream that was made anew may have given the number to another message.
    """
    data, headers = row.body.encode(), row.headers
    if kept is not None and kept.subject == row.subject and as_text(kept.data or b"") == row.body:
        data, headers = kept.data or b"", kept.headers
    elif "\N{REPLACEMENT CHARACTER}" in row.body:
        return None
    metadata = Msg.Metadata(
        sequence=Msg.Metadata.SequencePair(consumer=0, stream=row.sequence),
        num_pending=0,
        num_delivered=1,
        timestamp=row.parked_at,
        stream=row.stream,
        consumer="",
    )
    return received_message(nats, row.subject, data, headers, metadata)


async def _kept(nats: Client, row: Row[Any]) -> RawStreamMsg | None:
    try:
        return await nats.jetstream().get_msg(row.stream, row.sequence)
    except NotFoundError:
        return None
