"""What notify publishes about its own work."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.words import UnitCode


class AlertEvent(StrEnum):
    """What happened to an alert, or to one notice of it."""

    RAISED = "raised"
    SENT = "sent"
    """The mail server or the gateway took the notice; whether it arrived is not known."""
    DELIVERED = "delivered"
    FAILED = "failed"


class ProblemEvent(StrEnum):
    """What is told of a difficulty that a unit reported."""

    REPORTED = "problem_reported"
    ANSWERED = "problem_answered"
    CLOSED = "problem_closed"
    """Answered, and solved or no longer a difficulty."""


class AlertLogged(BaseModel):
    """The body of `ntm.v1.alerts.<unit>.<event>`; addresses never stand in it."""

    id: UUID
    alert: UUID = Field(description="What somebody should know: the event id of the change or the difficulty.")
    event: AlertEvent
    at: AwareDatetime
    unit: UnitCode
    recipient: str | None = Field(default=None, description="A role in a unit, such as `district_office@184`.")
    channel: Literal["email", "sms", "webhook"] | None = None
    detail: str | None = None
