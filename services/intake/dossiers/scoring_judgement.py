"""Scoring's judgement of a commune, which stands beside what offices answer about it."""

from __future__ import annotations

import asyncio

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pydantic import ValidationError

from shared.contracts import subjects
from shared.contracts.judgement import Judgement, JudgementRequest
from shared.nats.cloud_events import TRACE, trace_at_hand

log = structlog.get_logger()

JUDGEMENT_SECONDS = 10
"""The longest wait for scoring, in seconds: without its answer nothing can be assessed."""


async def judgement_of(nats: Client, unit: str, criteria_set: str) -> Judgement | None:
    """Return how the commune stands by the set's newest figures; None when scoring does not answer in time."""
    request = JudgementRequest(unit=unit, criteria_set=criteria_set).model_dump_json().encode()
    try:
        async with asyncio.timeout(JUDGEMENT_SECONDS):
            headers = {TRACE: trace_at_hand()}
            reply = await nats.request(subjects.JUDGEMENT, request, JUDGEMENT_SECONDS, headers=headers)
        return Judgement.model_validate_json(reply.data)
    except (NatsError, TimeoutError, ValidationError) as error:
        log.warning("no judgement", unit=unit, error=str(error)[:200] or type(error).__name__)
        return None
