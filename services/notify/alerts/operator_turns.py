"""The turns at which operators are told of a trouble: once, again each day while it lasts, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.contracts.trouble import TroubleReported
from shared.operations.letter import Standing

_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """The times by which a trouble that comes and goes makes no storm of mails."""

    gathers: timedelta = timedelta(seconds=10)
    """Troubles that come together are told together."""
    settles: timedelta = timedelta(minutes=10)
    """An end counts when no process has reported the trouble again for so long."""
    rests: timedelta = timedelta(hours=1)
    """One that comes again is told no sooner after it was last told of."""

    def share(self, of: float) -> Patience:
        """Return a part of these times."""
        return Patience(self.gathers * of, self.settles * of, self.rests * of)


@dataclass(frozen=True, slots=True)
class Memory:
    """The state of one code of one service, and of what its operators know by one way."""

    since: datetime
    heard_at: datetime
    """The moment at which this spell of the trouble was first heard of."""
    cleared_at: datetime | None
    """The moment at which its end was heard of; None while it lasts."""
    told_at: datetime | None
    """The moment at which the operators were last told that it is there; None: they think that all is well."""
    last_told_at: datetime | None
    """The moment at which they were last told anything about it."""


def after_report(memory: Memory | None, reported: TroubleReported, now: datetime) -> Memory | None:
    """Return the memory after a report; None where there is nothing to remember."""
    told_at = reported.told_at  # the service has told it by itself
    if memory is None:
        if reported.state == "cleared" and told_at is None:
            return None
        memory = Memory(reported.since, now, None, None, None)
    if told_at and (memory.last_told_at is None or told_at > memory.last_told_at):
        memory = replace(memory, told_at=told_at, last_told_at=told_at)
    if reported.state == "cleared":
        return replace(memory, cleared_at=memory.cleared_at or now)
    if memory.cleared_at and memory.told_at is None:  # a new spell
        return replace(memory, since=reported.since, heard_at=now, cleared_at=None)
    return replace(memory, since=min(memory.since, reported.since), cleared_at=None)


def turn(memory: Memory, now: datetime, patience: Patience) -> Standing | None:
    """Return as what the trouble is to be told now, if at all."""
    if memory.cleared_at:
        return "ended" if memory.told_at and now >= memory.cleared_at + patience.settles else None
    if memory.told_at:
        return "lasts" if now >= memory.told_at + _AGAIN_AFTER else None
    rested = memory.last_told_at is None or now >= memory.last_told_at + patience.rests
    return "raised" if rested and now >= memory.heard_at + patience.gathers else None


def after_telling(memory: Memory, standing: Standing, now: datetime) -> Memory:
    """Return the memory after the operators were told."""
    return replace(memory, told_at=None if standing == "ended" else now, last_told_at=now)
