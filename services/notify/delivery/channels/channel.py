"""A channel: a way out, and the outcomes of its attempts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.notify.alerts.notice import Notice


class Result(StrEnum):
    """What came of an attempt."""

    SENT = "sent"
    """The provider took it."""
    TEMPORARY = "temporary_failure"
    """Another attempt may succeed."""
    TECHNICAL = "technical_failure"
    """Another attempt may succeed once somebody has put this service's keys, sender or account in order."""
    PERMANENT = "permanent_failure"
    """No other attempt can succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt with the provider's own words, and its id for the message where it took it.

    `ends_address`: nothing can ever be delivered there. `is_gateways`: the gateway as a whole is away or refuses us,
    whatever the notice. `cost_dong`: what the provider says it cost.
    """

    result: Result
    detail: str
    provider_id: str | None = None
    retry_after_seconds: float = 0
    ends_address: bool = False
    is_gateways: bool = False
    cost_dong: int | None = None


class Session(Protocol):
    """One conversation with a provider."""

    async def deliver(self, notice: Notice) -> Outcome:
        """Hand the notice over. Faults of the provider and of the way to it are outcomes, not exceptions."""
        ...


class Channel(Protocol):
    """A way out."""

    @property
    def sessions(self) -> int:
        """How many sessions may be open at once."""
        ...

    def open(self) -> AbstractAsyncContextManager[Session]:
        """A session for several notices in a row."""
        ...

    async def close(self) -> None:
        """Give back the connections that are kept between sessions."""
        ...
