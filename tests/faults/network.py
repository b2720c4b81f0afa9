"""Faults of the network between the services and their servers."""

from __future__ import annotations

from tests.faults.kind import Kind
from tests.faults.machine import Machine
from tests.faults.proxy import Way
from tests.faults.schedule import Fault

_SERVERS = ("nats", "postgres")


def _kind(way: Way, longest: float) -> Kind:
    async def inflict(site: Machine, fault: Fault) -> None:
        await site.proxies[fault.part].treat(way, fault.seconds)

    return Kind(_SERVERS, (1, longest), inflict)


KINDS = {
    "cut off": _kind(Way.CUT, 8),
    "held": _kind(Way.HELD, 8),
    "half-open": _kind(Way.HALF, 12),
    "answers lost": _kind(Way.DEAF, 4),
    "slow": _kind(Way.SLOW, 6),
}
