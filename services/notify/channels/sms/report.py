"""What a gateway says later of a message that it took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """`provider_id`: the gateway's id for the message, or ours; `is_delivered` None: not decided yet."""

    provider_id: str
    is_delivered: bool | None
    detail: str
