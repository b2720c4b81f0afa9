"""A message that a service could not process and put aside, and the request to process it again."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

REASON_LIMIT = 1000
NUMBER_LIMIT = 2**63 - 1

type ParkedState = Literal["parked", "replayed", "dropped"]


class Parked(BaseModel):
    """What was put aside, and why: the body of `ntm.v1.parked.<service>`. The message itself stays in its stream."""

    id: UUID = Field(description="The event's own: the same however often the message is put aside.")
    service: str
    stream: str
    sequence: int = Field(description="The message's number in the stream.")
    subject: str
    reason: str = Field(
        max_length=REASON_LIMIT, description="Why it was put aside, or why it was dropped after that; no figures."
    )
    at: AwareDatetime
    state: ParkedState = Field(
        default="parked",
        description="`parked`: put aside; `replayed`: processed after all; `dropped`: an operator gave it up.",
    )


class ReplayRequest(BaseModel):
    """Which message to process again: the body of a request to `ntm.v1.<service>.replay`."""

    number: int = Field(ge=1, le=NUMBER_LIMIT, description="As `ntm parked` lists it.")


class Replayed(BaseModel):
    """What became of the message: the answer to a `ReplayRequest`. Asking again is safe."""

    outcome: Literal["replayed", "parked", "dropped", "unknown", "unavailable"] = Field(
        description="`replayed`: it is processed, now or before; `parked`: it failed again; `dropped`: it had been "
        "given up; `unknown`: there is no such message; `unavailable`: the database or the broker is away."
    )
    reason: str | None = Field(default=None, description="Why it was not processed.")
