"""The time of the processor that programs take, which neighbours on the machine change less than that of the clock."""

from __future__ import annotations

import time
from typing import NamedTuple

import psutil

from tests.running import Running, Service

_PARTS = {"postgres": "postgres", "nats-server": "broker", "redis-server": "broker"}


class Usage(NamedTuple):
    """The seconds of the processor that each program has taken."""

    services: float
    """The services that are measured, together, with their children."""
    postgres: float
    broker: float
    """NATS; for a peer that has Redis in its place, Redis."""
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
    """The programs that are measured: these services, and the servers that this process has started.

    LookupError where it has started none: what servers take that run elsewhere (in containers) is not seen from here,
    and would count as nothing.
    """

    def __init__(self, *services: Service | Running) -> None:
        processes = [service.process if isinstance(service, Service) else service for service in services]
        self._services = [psutil.Process(process.pid) for process in processes if process]
        self._own = psutil.Process()
        if not self._servers():
            raise LookupError("no server runs as a child of this process: start them with `embedded=True`")

    def usage(self) -> Usage:
        """Return what they have taken until now, their ended children among it."""
        parts = {"postgres": 0.0, "broker": 0.0}
        for part, server in self._servers():
            parts[part] += _seconds(server)
        services = sum(_seconds(one) for service in self._services for one in (service, *_children(service)))
        return Usage(services=services, **parts, own=_seconds(self._own))

    def _servers(self) -> list[tuple[str, psutil.Process]]:
        return [(_PARTS[name], child) for child in _children(self._own) if (name := _name(child)) in _PARTS]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()  # in hundredths of a second, too coarse for what 500 submissions take of the broker
        own = time.clock_gettime(_clock_of(process.pid))
    except (psutil.NoSuchProcess, OSError):
        return 0
    return own + times.children_user + times.children_system


def _clock_of(pid: int) -> int:
    """Return Linux's clock of the time that a process takes, in billionths of a second: see clock_getcpuclockid(3)."""
    return (~pid << 3) | 2
