"""The time of the processor that programs take, which neighbours on the machine change less than that of the clock."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from tests.running import Running, Service


class Usage(NamedTuple):
    """The seconds of the processor that each program has taken."""

    services: float
    """The services that are measured, together."""
    postgres: float
    nats: float
    own: float
    """The measuring process itself: the load, or the boards that look on."""

    @property
    def in_this_process(self) -> Usage:
        """The same where the measured work is done by the measuring process."""
        return self._replace(services=self.services + self.own)

    def since(self, before: Usage) -> Usage:
        """Return what was taken in between."""
        return Usage(*(after - earlier for after, earlier in zip(self, before, strict=True)))


class Programs:
    """The programs that are measured: these services, and the PostgreSQL and NATS that this process has started."""

    def __init__(self, *services: Service | Running) -> None:
        processes = [service.process if isinstance(service, Service) else service for service in services]
        self._services = [psutil.Process(process.pid) for process in processes if process]
        self._own = psutil.Process()

    def usage(self) -> Usage:
        """Return what they have taken until now, their ended children among it."""
        by_name: dict[str, float] = {"postgres": 0, "nats-server": 0}
        for child in self._own.children(recursive=True):
            if (name := child.name()) in by_name:
                by_name[name] += _seconds(child)
        services = sum(map(_seconds, self._services))
        return Usage(services, by_name["postgres"], by_name["nats-server"], _seconds(self._own))


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0
    return times.user + times.system + times.children_user + times.children_system
