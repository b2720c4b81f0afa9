"""Scoring's progress in the stream of submissions."""

from __future__ import annotations

import time

from shared.contracts import subjects
from shared.nats.consumers import acknowledged_until
from shared.service.runtime import Runtime


class ScoringProgress:
    """Asks how far scoring has come in the stream of submissions, at most a few times a second."""

    _fresh_seconds = 0.2

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._asked = 0.0
        self._sequence = 0

    async def scored_until(self) -> int:
        """Return the sequence up to which every submission was scored or parked; 0 where scoring never ran."""
        if time.monotonic() - self._asked > self._fresh_seconds:
            js = self._runtime.nats.jetstream()
            scored = await acknowledged_until(js, subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
            self._sequence = scored or 0
            self._asked = time.monotonic()
        return self._sequence
