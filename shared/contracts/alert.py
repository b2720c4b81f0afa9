"""Messages of notify: the events of alerts and their notices, and notes for the operators of the system."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import UnitCode, UnitRef
from shared.contracts.released_name import released_as

type OccasionKind = Literal["status", "target", "problem", "operation"]
"""The subject of an alert: a commune's criterion, a commitment, a difficulty, or the system itself."""

type ChannelName = Literal["email", "sms", "webhook", "apprise"]


class Severity(StrEnum):
    """The severity of an alert."""

    URGENT = "urgent"
    """An alert that causes a loss unless somebody acts: a missed deadline, a disaster, a gateway that is down."""
    WARNING = "warning"
    """An alert that asks for action."""
    INFORMATION = "information"
    """An alert that asks for nothing."""


class AlertEvent(StrEnum):
    """An event of an alert, or of one of its notices."""

    RAISED = "raised"
    SENT = "sent"
    """The mail server or the gateway took the notice; whether it arrived is not known."""
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHHELD = "withheld"
    """A notice was not sent on purpose: silenced, hidden by its cause, or overtaken."""
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    """Nobody has acknowledged the alert in time, so notify tells the next role."""


@released_as("ProblemEvent")
class DifficultyEvent(StrEnum):
    """An event of a difficulty that a unit reported."""

    REPORTED = "problem_reported"
    ANSWERED = "problem_answered"
    CLOSED = "problem_closed"
    """A difficulty was answered, and is solved or no longer a difficulty."""


class OperationEvent(StrEnum):
    """An event that the operators of the system have to know."""

    GATEWAY_DOWN = "gateway_down"
    GATEWAY_BACK = "gateway_back"
    ADDRESS_ENDED = "address_ended"
    """An address was refused for good; notify sends nothing to it until somebody corrects it."""
    ENDPOINT_DISABLED = "endpoint_disabled"
    """A webhook has failed for days; notify sends nothing to it until somebody enables it."""
    BUDGET_NEAR = "budget_near"
    BUDGET_SPENT = "budget_spent"
    MESSAGES_PARKED = "messages_parked"
    MESSAGES_SETTLED = "messages_settled"


class OperationNoted(BaseModel):
    """A note for the operators of the system; `about`: the gateway, the service or the (masked) address."""

    id: UUID
    event: OperationEvent
    at: AwareDatetime
    unit: UnitRef
    about: str
    words: Bilingual


class AlertLogged(BaseModel):
    """The body of `ntm.v1.alerts.<unit>.<event>`; addresses never stand in it."""

    id: UUID
    alert: UUID = Field(description="The alert's id: the event id of the change or the difficulty.")
    event: AlertEvent
    at: AwareDatetime
    unit: UnitCode
    notice: UUID | None = None
    recipient: str | None = Field(default=None, description="A role in a unit, such as `district_office@184`.")
    channel: ChannelName | None = None
    by: str | None = Field(
        default=None, description="The agency that acknowledged the alert, or the recipient who did so by a link."
    )
    by_name: str | None = Field(default=None, description="Its name, as people know it.")
    on: date | None = Field(
        default=None, description="Of what people do: the day of it by the system's clock, which may be simulated."
    )
    detail: str | None = Field(
        default=None, description="Of an acknowledgement the person's note: plain text, which whoever shows it escapes."
    )
