"""The replies to requests over NATS, also to those that cannot be answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable

import structlog

from shared.problems import Problem, Problems
from shared.service.transient_errors import is_transient

log = structlog.get_logger()


async def reply(what: str, work: Awaitable[bytes]) -> tuple[bytes, dict[str, str]]:
    """Return the reply's body and headers: what the work returns, or the problem document that tells why there is none.

    `what` names the answer for the log.
    """
    try:
        return await work, {}
    except Problem as problem:
        return refusal_reply(problem)
    except Exception as error:  # a worker's edge: whatever a request does, the next one is answered
        if is_transient(error):
            log.warning(f"no {what}", error=type(error).__name__)
            return refusal_reply(Problem(Problems.UNAVAILABLE))
        log.exception(f"{what} failed")
        return refusal_reply(Problem(Problems.FAILED))


def refusal_reply(problem: Problem) -> tuple[bytes, dict[str, str]]:
    """Return the problem in English, since programs ask; the headers are those of NATS' service protocol (ADR-32)."""
    headers = {
        "Nats-Service-Error-Code": str(problem.kind.http_status),
        "Nats-Service-Error": problem.kind.title.en,
    }
    return json.dumps(problem.document("en"), ensure_ascii=False).encode(), headers
