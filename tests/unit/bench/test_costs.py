"""The arithmetic of the benchmarks: costs of an item, their medians, and what got worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import costs
from tests.bench.costs import Cost, medians, note, table, worse
from tests.bench.usage import Usage


def a_cost(services: float, path: str = "a post", **more: Any) -> Cost:
    return Cost(path=path, services=services, postgres=10, broker=5, raw_means="bare", **more)


def test_a_cost_is_what_was_taken_divided_by_the_items(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(costs, "NOTED", tmp_path / "noted" / "costs.jsonl")
    took = Usage(services=3, postgres=1.5, broker=0.3, own=9).since(Usage(1, 0.5, 0.1, 2))
    noted = note("a post", took, 10_000, raw=88, raw_means="bare")
    assert (noted.services, noted.postgres, noted.broker, noted.total) == (200, 100, 20, 320)
    assert Cost.model_validate_json(costs.NOTED.read_text()) == noted


def test_work_in_the_measuring_process_counts_where_the_measured_work_is_done_there() -> None:
    assert Usage(services=1, postgres=2, broker=3, own=4).in_this_process.services == 5


def test_of_several_runs_the_median_counts_part_by_part() -> None:
    runs = [a_cost(100, raw=8), a_cost(900, raw=9), a_cost(110, raw=70), a_cost(7, path="another")]
    found = medians(runs)
    assert (found["a post"].services, found["a post"].raw, found["another"].services) == (110, 9, 7)
    assert found["another"].raw is None


def test_the_table_has_a_row_for_each_path_with_its_raw_limit() -> None:
    *_, first, second = table(medians([a_cost(100, raw=8), a_cost(7, path="another")])).splitlines()
    assert first == "| a post | **115** | 100 / 10 / 5 | bare: 8 |"
    assert second == "| another | **22** | 7 / 10 / 5 |  |"


def test_only_more_than_15_percent_is_worse_and_only_beside_a_kept_cost() -> None:
    kept = {"a post": a_cost(85)}
    assert not worse({"a post": a_cost(100), "another": a_cost(9_000)}, kept)
    assert worse({"a post": a_cost(105)}, kept) == {"a post": 1.2}


def test_a_path_is_told_beside_the_one_it_is_compared_with_by_cost_and_by_pace() -> None:
    one = a_cost(85, path="one worker", rate=200, waiting=0)
    two = a_cost(95, path="two workers", base="one worker", rate=360, waiting=0.0252)
    *_, first, second = table(medians([one, two])).splitlines()
    assert first.endswith("| 0.0 % of the time some wait for locks |")
    assert second.endswith("| 1.10 x one worker; 1.80 x its pace; 2.5 % of the time some wait for locks |")


def test_without_the_path_it_is_compared_with_a_cost_stands_alone() -> None:
    [*_, row] = table(medians([a_cost(95, base="one worker")])).splitlines()
    assert row == "| a post | **110** | 95 / 10 / 5 |  |"


def test_of_several_runs_the_pace_and_the_waiting_are_medians_too() -> None:
    runs = [a_cost(1, rate=rate, waiting=rate / 1_000) for rate in (100, 300, 170)]
    assert (medians(runs)["a post"].rate, medians(runs)["a post"].waiting) == (170, 0.17)


def test_what_is_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    found = medians([a_cost(100, raw=8), a_cost(7, path="another", base="a post", rate=3.5)])
    costs.write(tmp_path / "costs.json", found)
    assert list(map(Cost.model_validate, json.loads((tmp_path / "costs.json").read_text()))) == list(found.values())
