"""Digests and ids of submissions.

A digest proves what was sent. It is the SHA-256, in hexadecimal, of the submission as JSON, without fields that have
their default. The JSON is canonical by RFC 8785, which the digest says by its prefix `jcs:`. Receipts of earlier
versions have digests without a prefix: their JSON has very small and very large numbers as Python writes them (1e-05
for 0.00001).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple
from uuid import UUID

import rfc8785
from pydantic_core import to_json

from services.intake.admission.candidate import Posted
from shared.contracts.submission import Submission
from shared.stable_id import stable_id

PREFIX = "jcs:"
"""Marks a digest by RFC 8785, the JSON Canonicalization Scheme."""

_LARGEST_EXACT = 2**53
"""From here on a double does not hold every integer, and RFC 8785 knows doubles only."""

_OPTIONAL = {name: field.default for name, field in Submission.model_fields.items() if not field.is_required()}
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Digests(NamedTuple):
    """The digest of a submission, and the digest that earlier versions gave to the same content."""

    digest: str
    earlier: str


def digests_of(submission: Submission) -> Digests:
    """Return both digests of a submission."""
    content = _content(submission)
    if _is_simple(content["readings"]):
        digest = hashlib.sha256(_plain(content)).hexdigest()
        return Digests(PREFIX + digest, digest)
    earlier = hashlib.sha256(_ENCODER.encode(content).encode()).hexdigest()
    return Digests(PREFIX + hashlib.sha256(_canonical(content)).hexdigest(), earlier)


def digest_of(submission: Submission) -> str:
    """Return the digest of a submission: `jcs:` and 64 hexadecimal digits."""
    return digests_of(submission).digest


def proves(digest: str, submission: Submission) -> bool:
    """Say whether the digest, by whichever rule it was made, is that of the submission.

    A stored submission may be such as no digest can be made of.
    """
    try:
        return digest in digests_of(submission)
    except ValueError:
        return False


def canonical(submission: Submission) -> bytes:
    """Return the submission as canonical JSON by RFC 8785, without fields that have their default."""
    content = _content(submission)
    return _plain(content) if _is_simple(content["readings"]) else _canonical(content)


def identity(posted: Posted, number: int, earlier_digest: str) -> UUID:
    """Return the submission's id, which is the same whenever the same is sent.

    The id follows from the request's `Idempotency-Key` and the item's number in the request, else from the content: by
    its earlier digest, so that what an earlier version accepted is recognised. So a client that repeats a request after
    a lost answer is recognised, however late.
    """
    words = (posted.request, str(number)) if posted.request is not None else (earlier_digest,)
    return stable_id(posted.caller.agency, *words)


def _content(submission: Submission) -> dict[str, Any]:
    content: dict[str, Any] = {
        name: value for name, default in _OPTIONAL.items() if (value := getattr(submission, name)) != default
    }
    content["unit"], content["period"] = submission.unit, submission.period.text
    content["readings"] = {code: _whole(value) for code, value in submission.readings.items()}
    return content


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_simple(readings: dict[str, Any]) -> bool:
    """Say whether Python and RFC 8785 write all figures alike, as they do yes, no, and integers that a double holds."""
    return all(isinstance(value, int) and -_LARGEST_EXACT < value < _LARGEST_EXACT for value in readings.values())


def _plain(content: dict[str, Any]) -> bytes:
    """Return simple content as canonical JSON, in a tenth of the library's time: sorted names, integers, yes and no."""
    readings = content["readings"]
    content["readings"] = {code: readings[code] for code in sorted(readings)}
    return to_json({name: content[name] for name in sorted(content)})


def _canonical(content: dict[str, Any]) -> bytes:
    try:
        readings = {code: _double(value) for code, value in content["readings"].items()}
    except OverflowError:
        # beyond all doubles, which no element allows: RFC 8785 has no form for the number
        return _ENCODER.encode(content).encode()
    return rfc8785.dumps({**content, "readings": readings})


def _double(value: Any) -> Any:
    return value if isinstance(value, float) or -_LARGEST_EXACT < value < _LARGEST_EXACT else float(value)
