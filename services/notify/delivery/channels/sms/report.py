"""What a gateway says later of a message that it took."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`provider_id`: the gateway's id for the message; `is_delivered` None: not decided yet; `request_id`: ours, where
    the gateway says it, for the answer with its own may have been lost.
    """

    provider_id: str
    is_delivered: bool | None
    detail: str
    request_id: UUID | None = None
