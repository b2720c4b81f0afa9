"""Faults of what the broker keeps: consumers deleted, messages taken by somebody who never acknowledges them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from shared.contracts import subjects
from tests.faults.kind import Kind
from tests.faults.schedule import Fault
from tests.faults.site import Site
from tests.waiting import eventually

_CONSUMERS = {
    "scoring": subjects.SUBMISSIONS_STREAM,
    "scoring-withdrawals": subjects.SUBMISSIONS_STREAM,
    "intake-submissions": subjects.SUBMISSIONS_STREAM,
    "intake-changes": subjects.STATUS_STREAM,
    "notify-status": subjects.STATUS_STREAM,
}
_TAKEN = 100
_PATIENCE_SECONDS = 120


async def delete_consumer(site: Site, fault: Fault) -> None:
    """Delete a service's consumer: the service has to make it again, and then gets every message once more."""

    async def delete() -> None:
        js = (await site.client("migrate")).jetstream(timeout=2)
        with suppress(NotFoundError):
            await js.delete_consumer(_CONSUMERS[fault.part], fault.part)

    await _until_done(delete)
    await asyncio.sleep(fault.seconds)


async def take_messages(site: Site, fault: Fault) -> None:
    """Take a consumer's messages and never acknowledge them: they are delivered again to the service."""

    async def take() -> None:
        client = await site.client("migrate")
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        try:
            request = f"$JS.API.CONSUMER.MSG.NEXT.{_CONSUMERS[fault.part]}.{fault.part}"
            asked = {"batch": _TAKEN, "expires": int(max(fault.seconds, 1) * 1e9)}
            await client.publish(request, json.dumps(asked).encode(), reply=inbox)
            await client.flush(2)
            await asyncio.sleep(fault.seconds)
        finally:
            await subscription.unsubscribe()

    await _until_done(take)


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Do it as soon as the broker is there: another fault may strike it at the same time."""

    async def is_done() -> bool:
        try:
            await work()
        except (NatsError, JetStreamError, OSError, TimeoutError):
            return False
        return True

    await eventually(is_done, _PATIENCE_SECONDS)


KINDS = {
    "consumer deleted": Kind(tuple(_CONSUMERS), (0, 2), delete_consumer),
    "redelivery": Kind(tuple(_CONSUMERS), (1, 4), take_messages),
}
