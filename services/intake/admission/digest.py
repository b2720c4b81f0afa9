"""Digests and ids of submissions."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from services.intake.admission.candidate import Posted
from shared.contracts.submission import Submission
from shared.stable_id import stable_id


def canonical(submission: Submission) -> bytes:
    """The submission as its digest sees it: RFC 8785 (sorted names, no spaces), without fields at their default."""
    content: dict[str, Any] = {
        name: value for name, default in _OPTIONAL.items() if (value := getattr(submission, name)) != default
    }
    content["unit"], content["period"] = submission.unit, submission.period.text
    content["readings"] = {code: _plain(value) for code, value in submission.readings.items()}
    return _ENCODER.encode(content).encode()


_OPTIONAL = {name: field.default for name, field in Submission.model_fields.items() if not field.is_required()}


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest_of(submission: Submission) -> str:
    """What a receipt proves: SHA-256 of the canonical submission, in hexadecimal."""
    return hashlib.sha256(canonical(submission)).hexdigest()


def identity(posted: Posted, number: int, digest: str) -> UUID:
    """The same whenever the same is sent: by the request's key and the item's number in it, else by content.

    So a client that repeats a request after a lost answer is known again, however late.
    """
    words = (posted.request, str(number)) if posted.request is not None else (digest,)
    return stable_id(posted.caller.agency, *words)
