"""Labels of the broker's metrics: streams and requests, never single communes."""

from __future__ import annotations

from typing import Any

import pytest
from faststream.message import StreamMessage
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts import subjects
from shared.service.broker import LabelsByStream


def a_message(subject: str, data: bytes = b"{}") -> Msg:
    return Msg(_client=Client(), subject=subject, data=data)


@pytest.mark.parametrize(
    ("subject", "label"),
    [
        (subjects.submission("184", "06280"), "SUBMISSIONS"),
        (subjects.status(None, "06280", "ntm-11"), "STATUS"),
        (subjects.SUBMIT, subjects.SUBMIT),
        (subjects.replay("scoring"), "ntm.v1.scoring.replay"),
    ],
)
def test_messages_are_counted_by_stream_and_requests_by_their_subject(subject: str, label: str) -> None:
    found: Any = LabelsByStream().get_consume_attrs_from_message(StreamMessage(a_message(subject), b"{}"))
    assert found == {"destination_name": label, "message_size": 2, "messages_count": 1}


def test_a_batch_is_counted_with_all_its_messages() -> None:
    batch = [a_message(subjects.submission("184", code), b"{}" * 3) for code in ("06280", "06283")]
    found = LabelsByStream().get_consume_attrs_from_message(StreamMessage(batch, [message.data for message in batch]))
    assert found == {"destination_name": "SUBMISSIONS", "message_size": 12, "messages_count": 2}
