"""The follow-up of attempts: it ends addresses and endpoints, and tells of gateways that are down or back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.events import alert_of, note_of
from services.notify.contacts.masking import mask_address, mask_in
from services.notify.delivery.attempts import Attempt
from services.notify.delivery.breaker import Turn
from services.notify.delivery.channels.channel import Result
from services.notify.storage import subscriptions
from services.notify.storage.contacts import end_address
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.tell import tell
from services.notify.texts import phrase
from shared.contracts.alert import OperationEvent, OperationNoted
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.texts import filled
from shared.time import utc_now

FAILING_FOR = timedelta(days=3)
"""Notify disables a webhook that has failed for longer."""


class FollowUp:
    """The consequences of attempts beyond their notices. Operators hear of them by the plan's own routes."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @property
    def _reference(self) -> Reference:
        return self._pipeline.world_reader.reference

    async def __call__(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> None:
        """End addresses and endpoints by the outcomes of attempts, in the transaction that records the attempts."""
        notes = [
            *self._gateways(attempts),
            *await self._addresses(connection, attempts),
            *await self._endpoints(connection, attempts),
        ]
        await tell(connection, [alert_of(note, self._reference) for note in notes], self._pipeline, utc_now())

    def _gateways(self, attempts: Sequence[Attempt]) -> list[OperationNoted]:
        return [
            self._note(
                OperationEvent.GATEWAY_DOWN if attempt.turn is Turn.OPENED else OperationEvent.GATEWAY_BACK,
                attempt.notice.id,
                attempt.notice.channel,
                Bilingual(vi=words, en=words),
            )
            for attempt in attempts
            if attempt.turn and (words := mask_in(attempt.outcome.detail, attempt.notice.address) or attempt.turn.value)
        ]

    async def _addresses(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[OperationNoted]:
        notes = []
        for attempt in attempts:
            notice, outcome = attempt.notice, attempt.outcome
            if not outcome.ends_address or notice.subscription:
                continue
            detail = mask_in(outcome.detail, notice.address)
            if await end_address(connection, notice.channel, notice.address, detail, attempt.finished_at):
                shown = mask_address(notice.address)
                words = filled(
                    phrase("follow_up.address_ended"), address=shown, recipient=notice.recipient, detail=detail
                )
                notes.append(self._note(OperationEvent.ADDRESS_ENDED, notice.id, f"{notice.recipient} {shown}", words))
        if notes:
            self._pipeline.world_reader.forget()
        return notes

    async def _endpoints(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[OperationNoted]:
        last = {attempt.notice.subscription: attempt for attempt in attempts if attempt.notice.subscription}
        if not last:
            return []
        now = utc_now()
        works = [key for key, attempt in last.items() if attempt.outcome.result is Result.SENT]
        gone = [key for key, attempt in last.items() if attempt.outcome.ends_address]
        fails = [key for key, attempt in last.items() if attempt.outcome.result is not Result.SENT]
        disabled = await subscriptions.note_endpoints(connection, works, fails, gone, now - FAILING_FOR, now)
        if disabled:
            self._pipeline.world_reader.forget()
        return [
            self._note(
                OperationEvent.ENDPOINT_DISABLED,
                last[row.id].notice.id,
                f"webhook/{row.id}",
                filled(phrase("follow_up.endpoint_disabled"), agency=row.agency, url=row.url),
            )
            for row in disabled
        ]

    def _note(self, event: OperationEvent, cause: UUID, about: str, words: Bilingual) -> OperationNoted:
        at = self._pipeline.world_reader.clock()
        return note_of(event, uuid5(cause, event), about, words, at, self._reference)
