"""Troubles of the system itself, of which its operators hear."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.bilingual import Bilingual

DETAILS_LIMIT = 500


class TroubleReported(BaseModel):
    """A trouble that a service reports, or its end: the body of `ntm.v1.operations.<service>.<code>`.

    A trouble that lasts is reported again each minute, so that the last message of a subject tells how things stand.
    All times are real, also where the services' clock is simulated.
    """

    id: UUID
    service: str
    code: str = Field(pattern="^[a-z-]+$", description="The kind of trouble, such as `disk`.")
    state: Literal["raised", "cleared"]
    since: AwareDatetime = Field(description="When the trouble was first seen.")
    at: AwareDatetime
    words: Bilingual = Field(description="The trouble in one sentence.")
    remedy: Bilingual = Field(description="The commands to run, or what else to do.")
    details: Bilingual | None = Field(default=None, description="Numbers, names, an error; without secrets.")
    told_at: AwareDatetime | None = Field(
        default=None, description="When the service told the operators by itself, as nobody took its report."
    )
