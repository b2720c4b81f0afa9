"""The interface of a channel, and the outcomes of attempts by it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.notify.alerts.notice import Notice


class Result(StrEnum):
    """The result of an attempt."""

    SENT = "sent"
    """The provider took the notice."""
    TEMPORARY = "temporary_failure"
    """Another attempt may succeed."""
    TECHNICAL = "technical_failure"
    """Another attempt may succeed once somebody has put this service's keys, sender or account in order."""
    PERMANENT = "permanent_failure"
    """No other attempt can succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt, with the provider's words and, where the provider took the notice, its message id.

    `ends_address`: the address can never be reached. `is_gateways`: the gateway is down or refuses every notice of
    ours. `cost_dong`: the cost by the provider's account. `next_way_seconds`: unless a report says meanwhile that it
    arrived, the notice is tried by the channel's next way after this time; None: there is no other way.
    """

    result: Result
    detail: str
    provider_id: str | None = None
    retry_after_seconds: float = 0
    ends_address: bool = False
    is_gateways: bool = False
    cost_dong: int | None = None
    next_way_seconds: float | None = None


class Session(Protocol):
    """A conversation with a provider."""

    async def deliver(self, notice: Notice) -> Outcome:
        """Hand the notice to the provider. Faults of the provider and of the network are outcomes, not exceptions."""
        ...


class Channel(Protocol):
    """A way for notices to leave the system, such as e-mail or SMS."""

    @property
    def sessions(self) -> int:
        """Return the number of sessions that may be open at once."""
        ...

    def open(self) -> AbstractAsyncContextManager[Session]:
        """Open a session for several notices in a row."""
        ...

    async def close(self) -> None:
        """Close the connections that are kept between sessions."""
        ...
