"""A replay finds the parked message and the handler that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg

from shared.contracts import subjects
from shared.service.parking import as_text
from shared.service.replay import handle_of, original

SUBJECT = "ntm.v1.submissions.184.06280"


def a_row(**changes: Any) -> Any:
    ordinary = {
        "stream": "SUBMISSIONS",
        "sequence": 7,
        "subject": SUBJECT,
        "body": '{"unit": "06280"}',
        "headers": {"traceparent": "copied"},
        "parked_at": datetime(2023, 6, 30, tzinfo=UTC),
    }
    return SimpleNamespace(**{**ordinary, **changes})


def kept(data: bytes, subject: str = SUBJECT) -> RawStreamMsg:
    return RawStreamMsg(subject=subject, seq=7, data=data, headers={"traceparent": "kept"})


def taken(row: Any, found: RawStreamMsg | None) -> Msg | None:
    return original(Client(), row, found)


def test_the_message_is_the_one_in_the_stream_byte_by_byte() -> None:
    data = b'{"unit": "06\x00\xff"}'
    message = taken(a_row(body=as_text(data)), kept(data))
    assert message
    assert (message.subject, message.data, message.headers) == (SUBJECT, data, {"traceparent": "kept"})
    assert (message.metadata.stream, message.metadata.sequence.stream) == ("SUBMISSIONS", 7)


@pytest.mark.parametrize(
    "found", [None, kept(b"{}"), kept(a_row().body.encode(), subject="ntm.v1.submissions.184.06283")]
)
def test_where_the_stream_holds_nothing_or_another_message_the_copy_is_taken(found: RawStreamMsg | None) -> None:
    message = taken(a_row(), found)
    assert message
    assert (message.data, message.headers) == (b'{"unit": "06280"}', {"traceparent": "copied"})
    assert message.metadata.sequence.stream == 7


def test_a_copy_that_is_not_whole_is_not_processed() -> None:
    assert taken(a_row(body=as_text(b'{"unit": "\xff"}')), None) is None


def test_a_message_goes_to_the_handler_of_its_subject() -> None:
    async def submissions(_messages: Sequence[Msg]) -> None: ...

    async def reviews(_messages: Sequence[Msg]) -> None: ...

    handles = {subjects.ALL_SUBMISSIONS: submissions, subjects.ALL_REVIEWS: reviews}
    assert handle_of(SUBJECT, handles) is submissions
    assert handle_of("ntm.v1.reviews.184.06280", handles) is reviews
    with pytest.raises(KeyError):
        handle_of("ntm.v1.status.184.06280.ntm-11", handles)
