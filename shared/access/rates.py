"""Rates of requests: how many each caller may make in a minute."""

from __future__ import annotations

_MINUTE = 60.0


class Rates:
    """Counts the requests of callers by the minutes of the clock.

    The requests of the last 60 seconds are estimated: those of this minute, and of the minute before the part that lies
    within 60 seconds, as if they had come evenly. So a request costs the same however many came before.
    """

    def __init__(self) -> None:
        self._minute = 0
        self._before: dict[tuple[str, ...], int] = {}
        """By caller: the requests of the minute before."""
        self._taken: dict[tuple[str, ...], int] = {}
        """By caller: the requests of this minute."""

    def take(self, caller: tuple[str, ...], rate: int, now: float) -> float | None:
        """Count a request at this Unix time; None where the caller may make it, else the seconds until another try."""
        minute = int(now // _MINUTE)
        if minute != self._minute:
            self._before = self._taken if minute == self._minute + 1 else {}
            self._minute, self._taken = minute, {}
        before, taken = self._before.get(caller, 0), self._taken.get(caller, 0)
        left = _MINUTE - now % _MINUTE
        if int(before * left / _MINUTE) + taken < rate:
            self._taken[caller] = taken + 1
            return None
        # until one request less of the minute before counts, or this minute is over
        return min(left, left % (_MINUTE / before)) if before else left
