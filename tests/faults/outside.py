"""Faults from outside: gateways that are slow or lie, the clock that moves."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from shared.service.clock import set_day
from tests.faults.gateways import Manner
from tests.faults.kind import Kind
from tests.faults.schedule import Fault
from tests.faults.site import Site
from tests.waiting import eventually

_GATEWAYS = ("webhook", "sms", "mail")
_LAST_DAY = date(2023, 12, 18)
"""The plan's year ends soon after it, and other rules with it than those that the evaluator knows."""

_PATIENCE_SECONDS = 120


def _gateway(manner: Manner) -> Kind:
    async def inflict(site: Site, fault: Fault) -> None:
        await site.gateways.behave(fault.part, manner, fault.seconds)

    return Kind(_GATEWAYS, (1, 8), inflict)


async def move_clock(site: Site, fault: Fault) -> None:
    """Set the clock to the next day, and try to set it back, which has to be refused."""
    site.today = min(site.today + timedelta(days=1), _LAST_DAY)

    async def is_set() -> bool:
        try:
            await set_day((await site.client("operator")).jetstream(timeout=2), site.today)
        except (NatsError, JetStreamError, OSError, TimeoutError):
            return False
        return True

    await eventually(is_set, _PATIENCE_SECONDS)
    try:
        await set_day((await site.client("operator")).jetstream(timeout=2), site.today - timedelta(days=30))
    except (ValueError, NatsError, JetStreamError, OSError, TimeoutError):
        await asyncio.sleep(fault.seconds)
    else:
        raise AssertionError("the clock went back")


KINDS = {
    **{f"gateway: {manner}": _gateway(manner) for manner in Manner if manner is not Manner.RIGHT},
    "clock": Kind(("",), (0, 1), move_clock),
}
