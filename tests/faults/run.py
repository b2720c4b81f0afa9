"""A run: rounds of faults under load, recovery after each, checks now and then and at the end."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.faults.evaluate import evaluate
from tests.faults.gather import gather, settled
from tests.faults.kind import Kind
from tests.faults.kinds import KINDS, SITES
from tests.faults.load import Load
from tests.faults.record import Record, Recorded
from tests.faults.report import Report
from tests.faults.schedule import Fault, schedule
from tests.faults.site import PATIENCE_SECONDS, Site
from tests.waiting import eventually

FAULTS_BETWEEN_CHECKS = 50


async def run(report: Report, directory: Path, longest: float, say: Callable[[str], None]) -> None:
    """Inflict the faults that the report names on a system of its own in a directory, and fill in the report.

    After `longest` seconds no round of faults begins any more.
    """
    began = time.monotonic()
    site, record = SITES[report.site](directory), Record(directory / "record.jsonl")
    try:
        async with site.running():
            load = Load(site, record, site.key, Random(f"load/{report.seed}"))  # noqa: S311 - to be repeated
            site.calm = lambda: _calm(site, load)
            async with load.running():
                await _inflict_all(site, load, report, began + longest, say)
    except Exception:  # noqa: BLE001 - whatever ends a run stands in its report
        report.broken = traceback.format_exc()
    finally:
        record.close()
    report.answers, report.served, report.seconds = record.answers, record.served, time.monotonic() - began
    failures = {answer: count for answer, count in record.answers.items() if answer.endswith(": 500")}
    report.findings.wrong += [f"{count} times answered {answer}" for answer, count in failures.items()]


async def _inflict_all(site: Site, load: Load, report: Report, end: float, say: Callable[[str], None]) -> None:
    await _served(load)
    choices = {kind: KINDS[report.site][kind] for kind in report.kinds}
    since_check = 0
    rounds = schedule(report.seed, report.count, choices)
    for faults in (each for each in rounds if each[0].number > report.behind):
        await asyncio.gather(*(_inflict(site, choices[fault.kind], fault, say) for fault in faults))
        report.faults += faults
        await site.until_ready()
        await _served(load)
        since_check += len(faults)
        is_over = faults is rounds[-1] or time.monotonic() > end
        if since_check >= FAULTS_BETWEEN_CHECKS or is_over:
            since_check = 0
            async with site.calm():
                evidence = await gather(site)
                report.findings = evaluate(Recorded(load.record.path), evidence)
            found = report.findings
            say(f"checked: {found.acknowledged} acknowledged, lost {len(found.lost)}, wrong {len(found.wrong)}, "
                f"doubled {len(found.doubled)}")  # fmt: skip
            if is_over or not found.is_good:
                return


@asynccontextmanager
async def _calm(site: Site, load: Load) -> AsyncIterator[None]:
    async with load.paused(PATIENCE_SECONDS):
        await settled(site)
        yield


async def _inflict(site: Site, kind: Kind, fault: Fault, say: Callable[[str], None]) -> None:
    await asyncio.sleep(fault.after)
    say(str(fault))
    await kind.inflict(site, fault)


async def _served(load: Load) -> None:
    """Wait until every door has accepted something since now: that a service calls itself ready is not enough."""
    before = load.record.served.copy()

    def left() -> list[str]:
        return [door for door in load.doors if load.record.served[door] == before[door]]

    await eventually(lambda: not left(), PATIENCE_SECONDS, lambda: f"nothing accepted any more by {', '.join(left())}")
