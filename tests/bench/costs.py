"""What an item costs: microseconds of the processor of all programs but the load, beside the raw limit, same run.

Each benchmark notes its costs in `.bench/costs.jsonl`. `python -m tests.bench.costs` prints them as a table, the median
of each path, and says which path costs 15 % more than in `costs.json`, the kept run; `--keep` keeps this run instead.
`.bench/medians.json` has the table's figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.bench.usage import Usage

NOTED, MEDIANS = Path(".bench/costs.jsonl"), Path(".bench/medians.json")
KEPT = Path(__file__).with_name("costs.json")
WORSE = 1.15
_MEASURED = ("services", "postgres", "broker", "raw", "rate", "waiting")


class Cost(BaseModel):
    """The cost of an item on a path, in microseconds of the processor."""

    path: str
    services: float
    postgres: float
    broker: float
    raw: float | None = None
    """The raw limit: the same work by the bare means alone; None where there is none."""
    raw_means: str = ""
    base: str | None = None
    """The path with which this one is compared: the same work for one worker, or early in the year."""
    rate: float | None = None
    """Items a second, where workers are held to a part of a core, and not the machine decides."""
    waiting: float | None = None
    """The part of the workers' time in which one of their connections waits for a lock."""

    @property
    def total(self) -> float:
        """All programs together."""
        return self.services + self.postgres + self.broker

    @property
    def limit(self) -> str:
        """The raw limit in words; nothing where there is none."""
        return "" if self.raw is None else f"{self.raw_means}: {self.raw:,.0f}"


def note(path: str, took: Usage, count: int, raw: float | None = None, raw_means: str = "", **more: Any) -> Cost:
    """Note what `count` items on a path have taken, and print it. `more`: other fields of `Cost`."""
    each = [round(1e6 * seconds / count, 1) for seconds in (took.services, took.postgres, took.broker)]
    cost = Cost(path=path, services=each[0], postgres=each[1], broker=each[2], raw=raw, raw_means=raw_means, **more)
    NOTED.parent.mkdir(exist_ok=True)
    with NOTED.open("a", encoding="utf-8") as file:
        file.write(cost.model_dump_json() + "\n")
    beside = [f"raw, {cost.limit}"] if cost.limit else []
    beside += [] if cost.rate is None else [f"{cost.rate:,.0f}/s"]
    print(
        f"{path}: {cost.total:,.0f} us of the processor: services {cost.services:,.0f}, "
        f"PostgreSQL {cost.postgres:,.0f}, broker {cost.broker:,.0f}{''.join(f'; {one}' for one in beside)}",
        flush=True,
    )
    return cost


def medians(costs: Iterable[Cost]) -> dict[str, Cost]:
    """Return the median cost of each path."""
    by_path: defaultdict[str, list[Cost]] = defaultdict(list)
    for cost in costs:
        by_path[cost.path].append(cost)

    def median(of_path: list[Cost]) -> Cost:
        found = {name: [value for cost in of_path if (value := getattr(cost, name)) is not None] for name in _MEASURED}
        middle = {name: statistics.median(values) if values else None for name, values in found.items()}
        return of_path[0].model_copy(update=middle)

    return {path: median(of_path) for path, of_path in by_path.items()}


def beside(cost: Cost, costs: Mapping[str, Cost]) -> str:
    """Say what a cost is beside its raw limit, and beside the path with which it is compared."""
    parts = [cost.limit] if cost.limit else []
    if cost.base and (base := costs.get(cost.base)):
        parts.append(f"{cost.total / base.total:.2f} x {base.path}")
        if cost.rate and base.rate:
            parts.append(f"{cost.rate / base.rate:.2f} x its pace")
    if cost.waiting is not None:
        parts.append(f"{100 * cost.waiting:.1f} % of the time some wait for locks")
    return "; ".join(parts)


def table(costs: Mapping[str, Cost]) -> str:
    """Write costs as a Markdown table."""
    rows = [
        f"| {path} | **{cost.total:,.0f}** | {cost.services:,.0f} / {cost.postgres:,.0f} / {cost.broker:,.0f} | "
        f"{beside(cost, costs)} |"
        for path, cost in costs.items()
    ]
    head = "| us of the processor | all | services / PostgreSQL / broker | beside it, same run |"
    return "\n".join((head, "| --- | --- | --- | --- |", *rows))


def worse(costs: Mapping[str, Cost], kept: Mapping[str, Cost]) -> dict[str, float]:
    """Return the paths that cost more than they did, each with how many times as much."""
    times = {path: cost.total / kept[path].total for path, cost in costs.items() if path in kept}
    return {path: share for path, share in times.items() if share > WORSE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="compare later runs with this one")
    keeps = parser.parse_args().keep
    lines = NOTED.read_text(encoding="utf-8").splitlines()
    found = medians(map(Cost.model_validate_json, lines))
    kept = {cost["path"]: Cost.model_validate(cost) for cost in json.loads(KEPT.read_text(encoding="utf-8"))}
    write(MEDIANS, found)
    print(table(found))
    for path, share in worse(found, kept).items():
        print(f"WORSE: {path} costs {share:.2f} times what it did ({kept[path].total:,.0f} us)")
    if keeps:
        write(KEPT, {**kept, **found})


def write(file: Path, costs: Mapping[str, Cost]) -> None:
    """Write costs as JSON."""
    content = [cost.model_dump(mode="json", exclude_none=True) for cost in costs.values()]
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
