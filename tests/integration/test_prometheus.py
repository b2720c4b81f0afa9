"""A real Prometheus scrapes the running system: the dashboard's queries have answers, the alerts their metrics."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.notify_service import NotifyService
from tests.prometheus import FOLDER, Prometheus, program, prometheus
from tests.running import Service, Surroundings
from tests.waiting import eventually

DASHBOARD = FOLDER.parent / "grafana" / "ntm.json"
TOKEN = "a token of the tests"


def expressions(part: Any) -> list[str]:
    """Return all expressions of a dashboard, or of a part of it."""
    if isinstance(part, list):
        return [found for one in part for found in expressions(one)]
    if not isinstance(part, dict):
        return []
    own = [part["expr"]] if "expr" in part else []
    return own + expressions(list(part.values()))


@pytest.fixture
async def observed(
    around: Surroundings, notify: NotifyService, tmp_path: Path
) -> AsyncIterator[tuple[Prometheus, Service]]:
    """The three services, of which scoring tells only who has the token, and a Prometheus that scrapes them."""
    program("prometheus")
    intake, scoring = await around.start("intake"), await around.start("scoring", NTM_METRICS_TOKEN=TOKEN)
    services = (intake, scoring, notify.service)
    targets = {f"ntm-{service.name}": f"127.0.0.1:{service.port}" for service in services}
    folder = tmp_path / "prometheus"
    folder.mkdir()
    async with prometheus(folder, TOKEN, targets) as running:

        async def all_are_scraped() -> bool:
            found = await running.query("up == 1")
            return {one["metric"]["job"] for one in found} == targets.keys()

        await eventually(all_are_scraped)
        yield running, intake


async def report(intake: Service, key: str, period: str, poor: int) -> None:
    """Report the poor of a commune."""
    counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    body = {"unit": "06280", "period": period, "confirmed": True, "readings": counts}
    async with intake.client(key) as client:
        answer = await client.post("/v1/submissions", json=body)
    assert answer.status_code == 202, answer.text


async def test_each_query_of_the_dashboard_is_answered_and_each_alert_has_its_metrics(
    observed: tuple[Prometheus, Service], around: Surroundings, notify: NotifyService
) -> None:
    running, intake = observed
    key = await around.key("184", agency="district-184")
    await report(intake, key, "2023-05", 70)
    await eventually(lambda: around.nothing_waits_for("scoring"))
    await report(intake, key, "2023-06", 200)
    await eventually(lambda: notify.mails, explain=lambda: notify.log)

    empty: list[str] = []

    async def all_are_answered() -> bool:
        asked = expressions(json.loads(DASHBOARD.read_text(encoding="utf-8")))
        empty[:] = [one for one in asked if not await running.query(one)]
        return not empty

    await eventually(all_are_answered, explain=lambda: "nothing answers\n" + "\n".join(empty))

    (group,) = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        await running.query(rule["expr"])
        for name in re.findall(r"\b(?:ntm_\w+|up)\b", rule["expr"]):
            assert await running.query(name), f"{rule['alert']}: nobody tells {name}"
    known = {rule["name"]: rule for rule in (await running.ask("rules"))["groups"][0]["rules"]}
    assert {rule["alert"] for rule in group["rules"]} == known.keys()
    assert {rule["health"] for rule in known.values()} == {"ok"}
