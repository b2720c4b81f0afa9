"""Replay: a service processes a parked message again, by the handler that failed."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from shared.contracts import subjects
from shared.contracts.parked_message import Replayed, ReplayRequest
from shared.nats.library_seam import received_message
from shared.service.batch_processing import PROCESSED, Handle, reason_of
from shared.service.outbox import OUTBOX
from shared.service.parking import ParkedMessage, ParkingPlace, ProcessAgain, as_text
from shared.service.proof import Proof
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

LOST = "the stream has lost the message, and the copy lacks what was no text in it"

type Handles = Mapping[str, Handle]
"""The service's handlers by the subjects that they are subscribed to, such as `ntm.v1.status.>`."""


async def answer_replay(place: ParkingPlace, nats: Client, handles: Handles, request: bytes, proof: Proof) -> bytes:
    """Answer a `ReplayRequest` with a `Replayed`. Repeated and simultaneous requests process a message once."""
    try:
        again = processing_again(nats, handles, proof)
        replayed = await place.replay(ReplayRequest.model_validate_json(request).number, again)
    except ValidationError as error:
        replayed = Replayed(outcome="unknown", reason=reason_of(error))
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("replay waits", error=str(error))
        replayed = Replayed(outcome="unavailable", reason=reason_of(error))
    return replayed.model_dump_json().encode()


def processing_again(nats: Client, handles: Handles, proof: Proof) -> ProcessAgain:
    """Return what processes a parked message by the handler that failed; transient errors are raised."""

    async def again(parked: ParkedMessage) -> str | None:
        if parked.stream == OUTBOX:  # it was to be published, and what is damaged cannot be
            return parked.reason
        message = original(nats, parked, await _kept(nats, parked))
        if message is None:
            return LOST
        if reason := proof.fault(message):
            return reason
        try:
            await handle_of(parked.subject, handles)([message])
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("message stays parked", stream=parked.stream, subject=parked.subject)
            return reason_of(error)
        PROCESSED.labels(parked.stream).inc()
        return None

    return again


def handle_of(subject: str, handles: Handles) -> Handle:
    """Return the handler of messages on a subject. KeyError where the service no longer has a handler."""
    for family, handle in handles.items():
        if subjects.is_in(subject, family):
            return handle
    raise KeyError(subject)


def original(nats: Client, parked: ParkedMessage, kept: RawStreamMsg | None) -> Msg | None:
    """Return the parked message as it came, from its stream, else from its row; None where neither has all of it.

    A new stream may have given the same number to another message.
    """
    data, at = parked.body.encode(), parked.parked_at
    headers: dict[str, str] | None = parked.headers
    if kept is not None and kept.subject == parked.subject and as_text(kept.data or b"") == parked.body:
        data, headers, at = kept.data or b"", {**parked.headers, **(kept.headers or {})}, kept.time or at
    elif "\N{REPLACEMENT CHARACTER}" in parked.body:
        return None
    metadata = Msg.Metadata(
        sequence=Msg.Metadata.SequencePair(consumer=0, stream=parked.sequence),
        num_pending=0,
        num_delivered=1,
        timestamp=at,
        stream=parked.stream,
        consumer="",
    )
    return received_message(nats, parked.subject, data, headers, metadata)


async def _kept(nats: Client, parked: ParkedMessage) -> RawStreamMsg | None:
    try:
        return await nats.jetstream().get_msg(parked.stream, parked.sequence)
    except NotFoundError:
        return None
