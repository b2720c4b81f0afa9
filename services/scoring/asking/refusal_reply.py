"""The reply to a request over NATS that cannot be answered."""

from __future__ import annotations

import json

from shared.problems import Problem


def refusal_reply(problem: Problem) -> tuple[bytes, dict[str, str]]:
    """Return the problem in English, since programs ask; the headers are those of NATS' service protocol (ADR-32)."""
    headers = {
        "Nats-Service-Error-Code": str(problem.kind.http_status),
        "Nats-Service-Error": problem.kind.title.en,
    }
    return json.dumps(problem.document("en"), ensure_ascii=False).encode(), headers
