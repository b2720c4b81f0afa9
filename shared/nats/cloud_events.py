"""CloudEvents 1.0 in the NATS binding's binary mode."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

MESSAGE_ID = "Nats-Msg-Id"
"""The header with a message's id, by which JetStream drops repeated messages."""

SUBJECT = "ce-subject"
"""The header with the subject on which a message is published."""

PROVINCE = "ce-province"
"""The header with the code of the province whose event it is: an extension of CloudEvents."""

TRACE = "traceparent"
"""The header with the W3C trace context of what led to a message."""

CURRENT_TRACE: ContextVar[str | None] = ContextVar("CURRENT_TRACE", default=None)
"""The trace context of the request or message at hand: log lines name it."""

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be published."""

    subject: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def cloud_event(
    subject: str,
    body: bytes,
    *,
    event_id: UUID,
    kind: str,
    source: str,
    at: datetime,
    trace: str | None = None,
    province: str | None = None,
) -> Message:
    """Return an event as a message. Its id is also the id by which JetStream drops repeated messages.

    `province`: its code, named by events that come together with those of other provinces, whose ids it may share.
    """
    own_id = str(event_id)
    return Message(
        subject,
        body,
        {
            MESSAGE_ID: own_id,
            "ce-specversion": "1.0",
            "ce-id": own_id,
            "ce-type": f"vn.ntm.{kind}.v1",
            "ce-source": f"/ntm/{source}",
            SUBJECT: subject,
            "ce-time": at.isoformat(),
            "content-type": "application/json",
            TRACE: trace or new_trace(),
            **({} if province is None else {PROVINCE: province}),
        },
    )


def new_trace(given: str | None = None) -> str:
    """Return the given W3C trace context where it is valid, else a new one."""
    if given and _TRACEPARENT.fullmatch(given):
        return given
    token = secrets.token_hex(24)
    return f"00-{token[:32]}-{token[32:]}-01"


def trace_at_hand() -> str:
    """Return the trace context of the request or message at hand, else a new one."""
    return CURRENT_TRACE.get() or new_trace()


def trace_id(context: str) -> str:
    """Return the trace's id in a trace context."""
    return context.split("-")[1]
