"""What an item costs: microseconds of the processor of all programs but the load, beside the raw limit, same run.

Each benchmark notes its costs in `.bench/costs.jsonl`. `python -m tests.bench.costs` prints them as a table, the median
of each path, and says which path costs 15 % more than in `costs.json`, the kept run; `--keep` keeps this run instead.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel

from tests.bench.usage import Usage

NOTED = Path(".bench/costs.jsonl")
KEPT = Path(__file__).with_name("costs.json")
WORSE = 1.15


class Cost(BaseModel):
    """The cost of an item on a path, in microseconds of the processor."""

    path: str
    services: float
    postgres: float
    broker: float
    raw: float | None
    """The raw limit: the same work by the bare means alone; None where there is none."""
    raw_means: str = ""

    @property
    def total(self) -> float:
        """All programs together."""
        return self.services + self.postgres + self.broker


def note(path: str, took: Usage, count: int, raw: float | None = None, raw_means: str = "") -> Cost:
    """Note what `count` items on a path have taken, and print it."""
    each = [round(1e6 * seconds / count, 1) for seconds in (took.services, took.postgres, took.broker)]
    cost = Cost(path=path, services=each[0], postgres=each[1], broker=each[2], raw=raw, raw_means=raw_means)
    NOTED.parent.mkdir(exist_ok=True)
    with NOTED.open("a", encoding="utf-8") as file:
        file.write(cost.model_dump_json() + "\n")
    beside = "" if raw is None else f"; raw, {raw_means}: {raw:,.0f}"
    print(
        f"{path}: {cost.total:,.0f} us of the processor: services {cost.services:,.0f}, "
        f"PostgreSQL {cost.postgres:,.0f}, broker {cost.broker:,.0f}{beside}",
        flush=True,
    )
    return cost


def medians(costs: Iterable[Cost]) -> dict[str, Cost]:
    """Return the median cost of each path."""
    by_path: defaultdict[str, list[Cost]] = defaultdict(list)
    for cost in costs:
        by_path[cost.path].append(cost)

    def median(of_path: list[Cost]) -> Cost:
        raws = [cost.raw for cost in of_path if cost.raw is not None]
        return of_path[0].model_copy(
            update={
                "services": statistics.median(cost.services for cost in of_path),
                "postgres": statistics.median(cost.postgres for cost in of_path),
                "broker": statistics.median(cost.broker for cost in of_path),
                "raw": statistics.median(raws) if raws else None,
            }
        )

    return {path: median(of_path) for path, of_path in by_path.items()}


def table(costs: Mapping[str, Cost]) -> str:
    """Write costs as a Markdown table."""
    rows = [
        f"| {path} | **{cost.total:,.0f}** | {cost.services:,.0f} / {cost.postgres:,.0f} / {cost.broker:,.0f} | "
        f"{'' if cost.raw is None else f'{cost.raw_means}: {cost.raw:,.0f}'} |"
        for path, cost in costs.items()
    ]
    head = "| us of the processor | all | services / PostgreSQL / broker | raw limit, same run |"
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
    print(table(found))
    for path, share in worse(found, kept).items():
        print(f"WORSE: {path} costs {share:.2f} times what it did ({kept[path].total:,.0f} us)")
    if keeps:
        all_paths = {**kept, **found}
        content = [cost.model_dump(mode="json") for cost in all_paths.values()]
        KEPT.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
