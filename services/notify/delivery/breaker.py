"""A circuit breaker: it stops attempts at a gateway that is down, and does not overrun a gateway that comes back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from services.notify.delivery.channels.channel import Outcome

_FAILURES = 5
_FIRST_REST, _LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


class Turn(Enum):
    """The change of a breaker by an outcome."""

    OPENED = "opened"
    CLOSED = "closed"


@dataclass
class Breaker:
    """A circuit breaker. Closed, it lets all attempts through. After five failures of the gateway in a row it opens and
    rests; then it lets one attempt through, whose outcome closes the breaker or makes it rest twice as long.
    """

    failures: int = 0
    rest: timedelta = timedelta(0)
    opens_at: datetime | None = None
    """The time at which the breaker next lets an attempt through; None while it is closed."""
    is_trying: bool = False
    """The attempt that the breaker let through is under way."""

    def room(self, attempts: int, now: datetime) -> int:
        """Return how many of these attempts the breaker lets through now."""
        if self.opens_at is None:
            return attempts
        if now < self.opens_at:
            return 0
        self.opens_at = now + self.rest  # another attempt only when this attempt has had no outcome by then
        self.is_trying = True
        return min(attempts, 1)

    def rests(self, now: datetime) -> bool:
        """Say whether the breaker makes notices wait that are leased already."""
        return self.opens_at is not None and not self.is_trying and now < self.opens_at

    def note(self, outcome: Outcome, now: datetime) -> Turn | None:
        """Take an outcome into account; return the breaker's turn where the outcome opened or closed it."""
        if not outcome.is_gateways:
            was_open = self.opens_at is not None
            self.failures, self.rest, self.opens_at, self.is_trying = 0, timedelta(0), None, False
            return Turn.CLOSED if was_open else None
        self.failures += 1
        if self.failures < _FAILURES:
            return None
        is_new = self.opens_at is None
        if not is_new and not self.is_trying:
            return None  # this attempt began before the breaker opened, and shows nothing new
        self.is_trying = False
        self.rest = min(self.rest * 2, _LONGEST_REST) or _FIRST_REST
        self.opens_at = now + self.rest * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
        return Turn.OPENED if is_new else None
