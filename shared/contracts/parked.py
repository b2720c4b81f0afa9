"""A message that a service could not process and put aside."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

REASON_LIMIT = 1000


class Parked(BaseModel):
    """What was put aside, and why: the body of `ntm.v1.parked.<service>`. The message itself stays in its stream."""

    id: UUID = Field(description="The event's own: the same however often the message is put aside.")
    service: str
    stream: str
    sequence: int = Field(description="The message's number in the stream.")
    subject: str
    reason: str = Field(max_length=REASON_LIMIT, description="What the service says; no figures.")
    at: AwareDatetime
