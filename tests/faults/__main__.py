"""`make faults`: faults of every part under load. SEED=2 FAULTS=1000 ARGS="--kind killed --kind 'cut off'"."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tests.faults.disk import directory_inside, given, go_inside, possible
from tests.faults.kinds import DEFAULT_SITE, KINDS, SITES, by_default
from tests.faults.report import Report
from tests.faults.run import run


def main(
    seed: Annotated[int, typer.Option(help="Another one makes another schedule.")] = 1,
    faults: Annotated[int, typer.Option(help="The number of faults.")] = 100,
    site: Annotated[str, typer.Option(help=f"What is struck: {', '.join(SITES)}.")] = DEFAULT_SITE,
    behind: Annotated[int, typer.Option(help="Leaves out the schedule's faults up to this number: it goes on.")] = 0,
    minutes: Annotated[float, typer.Option(help="Begins no new fault after this time.")] = math.inf,
    kind: Annotated[list[str] | None, typer.Option(help="Which; all of the site by default.")] = None,
) -> None:
    """Inflict faults on a running system under load, check everything, and print a report."""
    if site not in SITES:
        raise typer.BadParameter(f"{site}; there are {', '.join(SITES)}")
    kinds = sorted(kind or by_default(site))
    if unknown := {*kinds} - {*KINDS[site]}:
        raise typer.BadParameter(f"{', '.join(unknown)}; there are {', '.join(KINDS[site])}")
    if behind >= faults:
        raise typer.BadParameter(f"behind {behind} there is no fault of {faults}")
    began = time.monotonic()
    if (directory := directory_inside()) is None:
        directory = Path(tempfile.mkdtemp(prefix="faults-"))
        if possible() and any(KINDS[site][name].needs for name in kinds):
            go_inside(directory, sys.argv[1:])
    left_out = {name for name in kinds if KINDS[site][name].needs not in (None, *given())}
    kinds = [name for name in kinds if name not in left_out]
    if left_out:
        print(f"LEFT OUT: {', '.join(sorted(left_out))}, for which the runner may not mount what it needs")

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {words}", flush=True)

    report = Report(site, seed, faults, kinds, behind)
    asyncio.run(run(report, directory, minutes * 60, say))
    print(report)
    if not report.is_good:
        with suppress(FileNotFoundError):  # nobody else sees a disk of the runner's own, and it goes with the runner
            shutil.copytree(directory / "data" / "logs", directory / "logs")
        print(f"record and logs: {directory}")
        sys.exit(1)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
