"""Scoring's progress in the stream of submissions."""

from __future__ import annotations

import time

from nats.js.errors import NotFoundError

from shared.contracts import subjects
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
            try:
                info = await self._runtime.nats.jetstream().consumer_info(
                    subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER
                )
                self._sequence = info.ack_floor.stream_seq if info.ack_floor else 0
            except NotFoundError:
                self._sequence = 0
            self._asked = time.monotonic()
        return self._sequence
