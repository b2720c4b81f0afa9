"""Attempts at notices: their consequences for the notice, their rows, and their entries in the alerts' log."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.notify.alerts.log import log_message
from services.notify.alerts.notice import Notice, NoticeStatus, ToldAlert
from services.notify.delivery.breaker import Turn
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.storage.attempts import NewAttempt
from shared.contracts.alert import AlertEvent
from shared.masking import mask
from shared.nats.cloud_events import Message
from shared.readable import read_rows


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a notice that has ended: its outcome, and the status that this gives the notice."""

    notice: Notice
    started_at: datetime
    finished_at: datetime
    shown_at: datetime
    """The end by the services' clock, which may be simulated."""
    outcome: Outcome
    status: NoticeStatus
    due_at: datetime | None
    turn: Turn | None = None
    """The change of the breaker, where the attempt showed that the gateway as a whole went down or came back."""

    @property
    def lease(self) -> tuple[UUID, datetime]:
        """The notice's id and the end of the lease under which the attempt ran."""
        return self.notice.id, self.notice.leased_until


def status_after(
    notice: Notice, outcome: Outcome, settings: DeliverySettings, now: datetime
) -> tuple[NoticeStatus, datetime | None]:
    """Return the status that an outcome gives a notice, and the time of the next attempt, None where there is none."""
    if outcome.next_way_seconds is not None:
        status = NoticeStatus.SENT if outcome.result is Result.SENT else NoticeStatus.TEMPORARY_FAILURE
        return status, now + timedelta(seconds=outcome.next_way_seconds)
    if outcome.result in (Result.SENT, Result.PERMANENT):
        return NoticeStatus(outcome.result.value), None
    wait = min(settings.retry_first_seconds * 2 ** min(notice.attempts, 30), settings.retry_longest_seconds)
    wait = max(wait * random.uniform(0.75, 1.25), outcome.retry_after_seconds)  # noqa: S311 - spreads load
    due = now + timedelta(seconds=wait)
    if due > notice.retry_until:
        return NoticeStatus.PERMANENT_FAILURE, None
    return NoticeStatus(outcome.result.value), due


def log_entries(attempt: Attempt) -> list[Message]:
    """Return a log entry for each alert that a finished notice tells, without the provider's words: they may hold the
    address. An alert or a notice that is damaged has none: that the notice was tried is recorded all the same.
    """
    event = AlertEvent.SENT if attempt.status is NoticeStatus.SENT else AlertEvent.FAILED
    notice = attempt.notice

    def entry(alert: ToldAlert) -> Message:
        return log_message(
            alert.id,
            alert.unit_code,
            event,
            attempt.finished_at,
            alert.trace,
            notice.request_id,
            notice=notice.id,
            recipient=notice.recipient,
            channel=notice.channel,
            detail=None if event is AlertEvent.SENT else attempt.outcome.result.value,
        )

    return read_rows(notice.alerts, entry).items


def attempt_values(attempt: Attempt) -> NewAttempt:
    """Return the row of an attempt with the changes of its notice, which apply if the attempt's lease still holds."""
    return {
        "notice": attempt.notice.id,
        "number": attempt.notice.attempts + 1,
        "started_at": attempt.shown_at - (attempt.finished_at - attempt.started_at),
        "finished_at": attempt.shown_at,
        "ended_at": attempt.finished_at,
        "outcome": attempt.outcome.result.value,
        "detail": mask(attempt.outcome.detail.replace("\x00", ""))[:500],
        "provider_id": attempt.outcome.provider_id,
        "lease": attempt.notice.leased_until,
        "status": attempt.status.value,
        "due_at": attempt.due_at,
        "cost_dong": attempt.outcome.cost_dong,
        "is_after_zalo": attempt.outcome.next_way_seconds is not None,
    }
