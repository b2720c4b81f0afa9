"""Messages that a service could not process and parked, and the request to process one of them again."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

REASON_LIMIT = 1000
NUMBER_LIMIT = 2**63 - 1

type ParkedState = Literal["parked", "replayed", "dropped"]


class Parked(BaseModel):
    """A message that was parked, replayed or dropped: the body of `ntm.v1.parked.<service>`. It stays in its stream."""

    id: UUID = Field(description="The event's own id: the same however often the message is put aside.")
    service: str
    stream: str
    sequence: int = Field(description="The message's number in the stream.")
    subject: str
    reason: str = Field(
        max_length=REASON_LIMIT, description="The reason for parking or dropping the message, without figures."
    )
    at: AwareDatetime
    state: ParkedState = Field(
        default="parked",
        description="`parked`: put aside; `replayed`: processed after all; `dropped`: an operator gave it up.",
    )


class ReplayRequest(BaseModel):
    """The message to process again: the body of a request to `ntm.v1.<service>.replay`."""

    number: int = Field(ge=1, le=NUMBER_LIMIT, description="As `ntm parked` lists it.")


class Replayed(BaseModel):
    """The outcome of a `ReplayRequest`. Asking again is safe."""

    outcome: Literal["replayed", "parked", "dropped", "unknown", "unavailable"] = Field(
        description="`replayed`: it is processed, now or before; `parked`: it failed again; `dropped`: it had been "
        "given up; `unknown`: there is no such message; `unavailable`: the database or the broker is away."
    )
    reason: str | None = Field(default=None, description="The reason why it was not processed.")
