"""The problem of a request that intake cannot serve for the moment."""

from __future__ import annotations

from services.intake.texts import phrase
from shared.nats.publishing import ClosedStreamError
from shared.problems import Problem, Problems


def unavailable(error: Exception) -> Problem:
    """Return problem 503 for an error that passes, with the reason where the stream is being repaired."""
    if isinstance(error, ClosedStreamError):
        return Problem(Problems.UNAVAILABLE, detail=phrase("unavailable.repaired"), headers={"Retry-After": "10"})
    return Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
