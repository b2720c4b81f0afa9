"""A run sends a door its inputs, many at a time, and reports each wrong answer with the way to repeat it."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Protocol

import psutil

from tests.fuzz.verdict import LIMIT_SECONDS
from tests.fuzz.wire import Answer, Sent

GROWTH_LIMIT = 64 * 1024 * 1024
"""The bytes by which the process may grow after a tenth of the inputs: its caches and its heap are full by then."""

_MINIMISING = 400
_SENT_AGAIN = 5
_LATE = "answered after"
_TOLD = 1


class Fuzzed(Protocol):
    """A door: see `tests.fuzz.doors.Door`."""

    name: str
    workers: int
    """The number of inputs that are on their way at once."""

    async def open(self) -> None: ...
    def make(self, random: Random) -> Sent: ...
    async def ask(self, worker: int, sent: Sent) -> Answer: ...
    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]: ...
    def close(self) -> None: ...


@dataclass
class Failure:
    """An input with a wrong answer."""

    number: int
    what: str
    smallest: Sent


@dataclass
class Report:
    """The result of the inputs to one door."""

    door: str
    inputs: int
    seconds: float = 0
    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0
    sent_again: int = 0
    """The number of answers that were 503 or late, after which the input was sent again."""
    resident: list[int] = field(default_factory=list)
    """The memory of the process in bytes: before, after each tenth of the inputs, and at the end."""
    failures: dict[str, list[Failure]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    """The warnings in the service's log."""
    traced: str = ""
    """The lines about the failure in the service's log."""

    @property
    def rate(self) -> float:
        """The number of inputs a second."""
        return self.inputs / max(self.seconds, 0.001)

    @property
    def is_good(self) -> bool:
        return not self.counts

    def note(self, kind: str, number: int = -1, what: str = "", sent: Sent | None = None) -> bool:
        """Count a failure; return whether the report shows it in full."""
        self.counts[kind] += 1
        told = self.failures.setdefault(kind, [])
        if sent is None or len(told) >= _TOLD:
            return False
        told.append(Failure(number, what, sent))
        return True

    def __str__(self) -> str:
        memory = ", ".join(f"{size / 2**20:.0f}" for size in self.resident)
        lines = [
            f"{self.door}: {self.inputs} inputs in {self.seconds:.0f} s ({self.rate:.0f}/s), "
            f"slowest {self.slowest:.2f} s; memory {memory} MB; sent again {self.sent_again}",
            f"  statuses: {_listed(self.statuses)}",
            f"  codes: {_listed(self.codes)}",
            f"  warnings: {_listed(self.warnings)}",
        ]
        for kind, count in self.counts.most_common():
            lines.append(f"  FAILED {count} times: {kind}")
            for failure in self.failures[kind]:
                lines.append(f"    --only {failure.number}: {failure.what}"[:400])
                lines.append(f"      {failure.smallest}"[:600])
        return "\n".join([*lines, self.traced]).rstrip()


def _listed(counted: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


_CODE = re.compile(rb'"code": ?"([a-z_]+)"')


async def fuzz(door: Fuzzed, count: int, seed: int, process: int, only: int | None = None) -> Report:
    """Send this number of inputs; `process` must not grow."""
    report = Report(door.name, count if only is None else 1)
    numbers = iter(range(count) if only is None else [only])
    measured = psutil.Process(process)
    report.resident.append(measured.memory_info().rss)
    started = time.perf_counter()

    async def work(worker: int) -> None:
        for number in numbers:
            if number and number % max(1, count // 10) == 0:
                report.resident.append(measured.memory_info().rss)
            sent = door.make(_random(door, seed, number))
            begun = time.perf_counter()
            wrong, answer = await _try(door, worker, sent)
            for _ in range(_SENT_AGAIN):
                if not answer or not (_is_unavailable(answer) or (len(wrong) == 1 and wrong[0].startswith(_LATE))):
                    break
                # the servers were too slow, as on a loaded machine; intake promises that this passes
                report.sent_again += 1
                await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
                begun = time.perf_counter()
                wrong, answer = await _try(door, worker, sent)
            report.slowest = max(report.slowest, time.perf_counter() - begun)
            if answer:
                report.statuses[answer.status] += 1
                if answer.status != HTTPStatus.OK:
                    report.codes.update({code.decode() for code in _CODE.findall(answer.body)})
            for what in wrong:
                if report.note(_kind(what), number, what, sent):
                    smallest = await _minimised(door, worker, sent, _kind(what))
                    next(one for one in report.failures[_kind(what)] if one.number == number).smallest = smallest

    await asyncio.gather(*(work(worker) for worker in range(door.workers)))
    report.seconds = time.perf_counter() - started
    report.resident.append(measured.memory_info().rss)
    if report.resident[-1] - report.resident[1] > GROWTH_LIMIT:
        report.note("the process has grown")
    return report


def _random(door: Fuzzed, seed: int, number: int) -> Random:
    return Random(f"{seed}/{door.name}/{number}")  # noqa: S311 - to be repeated, not to be secret


async def _try(door: Fuzzed, worker: int, sent: Sent) -> tuple[list[str], Answer | None]:
    """Send the input; return the errors of its answer."""
    begun = time.perf_counter()
    try:
        answer = await door.ask(worker, sent)
        wrong = [*door.faults(sent, answer)]
    except Exception as error:  # noqa: BLE001 - the run looks for errors of any kind
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__} in {Path(where.filename).name}: {error}"], None
    if (seconds := time.perf_counter() - begun) > LIMIT_SECONDS:
        wrong.append(f"{_LATE} {seconds:.0f} s")
    return wrong, answer


def _is_unavailable(answer: Answer) -> bool:
    return answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers


def _kind(what: str) -> str:
    """Return the mark that failures of one cause share."""
    return re.sub(r"\d+", "9", what.partition(": ")[0])[:80]


async def _minimised(door: Fuzzed, worker: int, sent: Sent, kind: str) -> Sent:
    """Return a shorter input that fails in the same way: leave out pieces of the body as long as it does."""
    tries, size = 0, max(1, len(sent.body) // 2)
    while size and tries < _MINIMISING:
        at = 0
        while at < len(sent.body) and tries < _MINIMISING:
            tries += 1
            shorter = replace(sent, body=sent.body[:at] + sent.body[at + size :])
            wrong, _ = await _try(door, worker, shorter)
            if any(_kind(what) == kind for what in wrong):
                sent = shorter
            else:
                at += size
        size //= 2
    return sent
