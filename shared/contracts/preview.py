"""Previews of submissions: intake asks on `ntm.v1.scoring.preview` which statuses they would change.

A request that cannot be answered gets a problem document (RFC 9457) instead, with the headers `Nats-Service-Error-Code`
and `Nats-Service-Error`.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import UnitCode
from shared.contracts.status import Status
from shared.contracts.submission import Submission

PREVIEW_LIMIT = 1000
"""Submissions in one request."""


class PreviewRequest(BaseModel):
    """Submissions that have not been sent."""

    submissions: list[Submission] = Field(max_length=PREVIEW_LIMIT)


class PreviewedStatus(BaseModel):
    """A commune's criterion that the submissions concern: its present status, and its status after them."""

    unit: UnitCode
    criterion: str
    before: Status
    after: Status
    reason: Bilingual = Field(
        description="The reason for `after`, worst part first; cut, with `…`, where the reply outgrows a message."
    )


class Preview(BaseModel):
    """The statuses that the submissions concern, by unit and criterion. Nothing of it is stored."""

    statuses: list[PreviewedStatus]
