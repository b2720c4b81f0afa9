"""Messages that are published together stand on the stream in the given order, with their content and headers."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from nats.aio.client import Client

from shared.contracts import subjects
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import BrokerUnavailableError, SubjectMovedError, publish, publish_next
from shared.nats.streams import ensure_streams


def an_event(body: str = "{}") -> Message:
    subject = subjects.submission("184", "06280")
    at = datetime(2023, 6, 30, tzinfo=UTC)
    return cloud_event(subject, body.encode(), event_id=uuid4(), kind="submission.accepted", source="intake", at=at)


async def test_each_message_of_a_batch_has_its_body_and_its_headers(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js)
    messages = [an_event(f'{{"note": "xã Điềm He {number}"}}') for number in range(5)]
    messages[2].headers["ntm-request"] = "with: a colon, and spaces"
    stored = await publish(nats, messages)
    for message, place in zip(messages, stored, strict=True):
        found = await js.get_msg(subjects.SUBMISSIONS_STREAM, place.sequence)
        assert (found.subject, found.data) == (message.subject, message.body)
        assert message.headers.items() <= (found.headers or {}).items()


async def test_a_batch_with_a_message_that_the_stream_has_already_keeps_one_of_each(nats: Client) -> None:
    await ensure_streams(nats.jetstream())
    first, second, third = (an_event() for _ in range(3))
    await publish(nats, [second])
    stored = await publish(nats, [first, second, third])
    assert [(place.sequence, place.duplicate) for place in stored] == [(2, False), (1, True), (3, False)]


async def test_a_message_beyond_the_brokers_limit_fails_alone_and_the_connection_stays(nats: Client) -> None:
    await ensure_streams(nats.jetstream())
    with pytest.raises(BrokerUnavailableError):
        await publish(nats, [an_event("x" * (nats.max_payload + 1)), an_event()])
    assert len(await publish(nats, [an_event(), an_event()])) == 2


async def test_a_message_follows_the_one_that_it_names_or_none(nats: Client) -> None:
    await ensure_streams(nats.jetstream())
    first = await publish_next(nats, an_event(), after=0)
    with pytest.raises(SubjectMovedError):
        await publish_next(nats, an_event(), after=0)
    second = await publish_next(nats, an_event(), after=first.sequence)
    with pytest.raises(SubjectMovedError):
        await publish_next(nats, an_event(), after=first.sequence)
    assert second.sequence == first.sequence + 1
