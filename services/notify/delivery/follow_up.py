"""What attempts at notices say beyond the notices: addresses that have ended, endpoints that keep failing, gateways."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.events import alert_of, note_of
from services.notify.contacts.masking import mask_address, mask_in
from services.notify.delivery.breaker import Turn
from services.notify.delivery.channels.channel import Result
from services.notify.delivery.worker import Attempt
from services.notify.storage import subscriptions
from services.notify.storage.contacts import end_address
from services.notify.telling.tell import Pipeline, tell
from shared.contracts.alert import OperationEvent, OperationNoted
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.time import utc_now

FAILING_FOR = timedelta(days=3)
"""How long a webhook may fail before nothing more is sent to it."""


class Watcher:
    """Tells those who run the system, by the plan's own routes."""

    def __init__(self, pipeline: Pipeline, reference: Reference) -> None:
        self._pipeline, self._reference = pipeline, reference

    async def __call__(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> None:
        """Draw the conclusions of attempts, in the transaction that records them."""
        notes = [
            *self._gateways(attempts),
            *await self._addresses(connection, attempts),
            *await self._endpoints(connection, attempts),
        ]
        await tell(connection, [alert_of(note, self._reference) for note in notes], self._pipeline, utc_now())

    def _gateways(self, attempts: Sequence[Attempt]) -> list[OperationNoted]:
        return [
            self._note(
                OperationEvent.GATEWAY_DOWN if one.turn is Turn.OPENED else OperationEvent.GATEWAY_BACK,
                one.notice.id,
                one.notice.channel,
                Bilingual(vi=words, en=words),
            )
            for one in attempts
            if one.turn and (words := mask_in(one.outcome.detail, one.notice.address) or one.turn.value)
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
                words = Bilingual(
                    vi=f"Địa chỉ {shown} của {notice.recipient} bị từ chối hẳn ({detail}); không gửi tới đó nữa "
                    "cho đến khi sửa lại đầu mối.",
                    en=f"The address {shown} of {notice.recipient} was refused for good ({detail}); nothing more is "
                    "sent to it until the contact is corrected.",
                )
                notes.append(self._note(OperationEvent.ADDRESS_ENDED, notice.id, f"{notice.recipient} {shown}", words))
        if notes:
            self._pipeline.situation.forget()
        return notes

    async def _endpoints(self, connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[OperationNoted]:
        last = {one.notice.subscription: one for one in attempts if one.notice.subscription}
        if not last:
            return []
        now = utc_now()
        works = [key for key, one in last.items() if one.outcome.result is Result.SENT]
        gone = [key for key, one in last.items() if one.outcome.ends_address]
        fails = [key for key, one in last.items() if one.outcome.result is not Result.SENT]
        disabled = await subscriptions.note_endpoints(connection, works, fails, gone, now - FAILING_FOR, now)
        if disabled:
            self._pipeline.situation.forget()
        return [
            self._note(
                OperationEvent.ENDPOINT_DISABLED,
                last[row.id].notice.id,
                f"webhook/{row.id}",
                Bilingual(
                    vi=f"Webhook của {row.agency} ({row.url}) không nhận được tin và đã bị tắt; "
                    "sửa rồi bật lại bằng API.",
                    en=f"The webhook of {row.agency} ({row.url}) takes nothing and was disabled; mend it, "
                    "then enable it by the API.",
                ),
            )
            for row in disabled
        ]

    def _note(self, event: OperationEvent, cause: UUID, about: str, words: Bilingual) -> OperationNoted:
        return note_of(event, uuid5(cause, event), about, words, utc_now(), self._reference)
