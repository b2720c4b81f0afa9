"""The rooms of the code in which the services spend the time that a benchmark measures.

`python -m tests.bench.rest BENCHMARK [PART…]`, such as `scoring year`, runs the benchmark below py-spy, which looks 200
times a second at what each process does, and prints the share of each room of the code, and the functions in and below
which most is spent. Looking costs time of its own, so the figures that the benchmark prints meanwhile are too high.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

LOOKS_A_SECOND = 200
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+):\d+\)")
_PROGRAM = re.compile(r"(uvicorn services\.|-m tests\.)(?P<name>\w+)\.")
"""A service, or the benchmark itself, which does some work in its own process, such as a rebuild."""
_STARTING = re.compile(r"lifespan \(|\((importlib/|<frozen importlib)")
"""The frames by which a service is known to be starting."""
_WAITING = re.compile(r"\bwait \(threading\.py:\d+\)$")
"""The innermost frame of a thread that waits for work: py-spy does not always know that it rests."""
_MOST_ROOMS, _MOST_FUNCTIONS, _LEAST_SHARE = 20, 25, 0.02


class Look(NamedTuple):
    """The functions that a service, or the benchmark (`bench`), was found to be in, and how many times."""

    program: str
    frames: Sequence[tuple[str, str]]
    """Function and file, the innermost last."""
    times: int


def looks(lines: Iterable[str]) -> Iterator[Look]:
    """Yield the looks at programs from py-spy's raw output, without those at their start and threads that wait."""
    for line in lines:
        stack, _, times = line.rstrip().rpartition(" ")
        processes = [found["name"] for part in stack.split(";") if (found := _PROGRAM.search(part))]
        frames = [(found["function"], found["file"]) for part in stack.split(";") if (found := _FRAME.fullmatch(part))]
        if processes and frames and not _STARTING.search(stack) and not _WAITING.search(stack):
            yield Look(processes[-1], frames, int(times))


def room_of(file: str) -> str:
    """Return the room of the code that a file lies in: ours by two folders, a library's by its name."""
    parts = file.split("/")
    if parts[0] == "services":
        return "/".join(parts[:3]) if len(parts) > 3 else "/".join(parts[:2])
    if parts[0] == "shared":
        return "/".join(parts[:2])
    return "Python itself" if len(parts) == 1 or parts[0] in ("asyncio", "json", "email") else parts[0]


def by_room(found: Iterable[Look]) -> Counter[str]:
    """Count the looks by the room in which the innermost function lies."""
    rooms: Counter[str] = Counter()
    for look in found:
        rooms[room_of(look.frames[-1][1])] += look.times
    return rooms


def by_function(found: Iterable[Look]) -> Counter[str]:
    """Count the looks by each function of ours that was at work, itself or by what it called."""
    functions: Counter[str] = Counter()
    for look in found:
        ours = {(function, file) for function, file in look.frames if file.startswith(("services/", "shared/"))}
        functions.update({f"{function} ({file})": look.times for function, file in ours if "<" not in function})
    return functions


def table(of: str, counted: Counter[str], total: int, most: int) -> str:
    """Write the largest shares as a Markdown table."""
    rows = [f"| {name} | {100 * times / total:.1f} % |" for name, times in counted.most_common(most)]
    least = sum(times / total >= _LEAST_SHARE for _, times in counted.most_common(most))
    return "\n".join((f"| {of} | share |", "| --- | --- |", *rows[:least]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", help="scoring, intake, notify, ...")
    parser.add_argument("parts", nargs="*", help="those of its parts that are run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        looking = [
            str(Path(sys.executable).with_name("py-spy")),
            "record",
            "--subprocesses",
            "--rate",
            str(LOOKS_A_SECOND),
            "--format",
            "raw",
        ]
        command = [sys.executable, "-m", f"tests.bench.{asked.benchmark}", *asked.parts]
        subprocess.run([*looking, "--output", str(raw), "--", *command], check=True)
        found = list(looks(raw.read_text(encoding="utf-8").splitlines()))
    for program in sorted({look.program for look in found}):
        own = [look for look in found if look.program == program]
        total = sum(look.times for look in own)
        print(f"\n{program}: {total / LOOKS_A_SECOND:,.0f} s of work were looked at\n")
        print(table("room", by_room(own), total, _MOST_ROOMS))
        print(f"\n{table('function, with what it called', by_function(own), total, _MOST_FUNCTIONS)}")


if __name__ == "__main__":
    main()
