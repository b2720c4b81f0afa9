"""Installing changes of every kind of reference data in a running system: what the check foretells comes about."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.scoring.storage.tables import SubmissionRow
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from tests.binding_plan import reference_that_binds
from tests.integration.notify_service import NotifyService
from tests.integration.test_reference_versions import all_run_on, told, version_of
from tests.integration.test_scoring import BORDER, changes, count, no_target_moved, poverty_report, put_on_stream
from tests.plan_2024 import MERGED, PARTS, merge
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

__all__ = ["told"]  # a fixture


def replaced(file: str, before: str, after: str) -> Callable[[Path], None]:
    """Return what replaces a text, which the file has, at its first place."""

    def change(directory: Path) -> None:
        path = directory / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    return change


def merged_in_june(directory: Path) -> None:
    """Let two communes have merged a month ago: a decree is entered late."""
    merge(directory, last_day="2023-05-31", first_day="2023-06-01")


PLAN_FILE = "plans/lang-son-2023.yaml"
CHANGES: dict[str, Callable[[Path], None]] = {
    "criterion": replaced("criteria/ntm.yaml", "goal: 13\n", "goal: 10\n"),
    "goal": replaced(PLAN_FILE, "baseline: 0\n    goal: 1000\n", "baseline: 0\n    goal: 400\n"),
    "calendar": replaced("calendar.yaml", "due_months_later: 1\n    due_day: 5", "due_months_later: 2\n    due_day: 5"),
    "units": merged_in_june,
    "routes": replaced(
        PLAN_FILE,
        "id: status-missed\n      match: {on: status, events: [missed]}",
        "id: status-missed\n      match: {on: status, events: [lost, missed]}",
    ),
}
"""A change of each kind of reference data."""

MOVES = {"criterion": {"ntm-11"}, "goal": {"lang-son-2023/new-jobs"}, "calendar": set(), "routes": set()}
"""The criteria and commitments of which verdicts change by it; not said of units, which change many."""


def figures() -> list[AcceptedSubmission]:
    """Return reports that each of the changes touches."""
    return [
        *(poverty_report(period, poor) for period, poor in (("2022-12", 120), ("2023-04", 115))),
        *(
            poverty_report(period, poor, unit="06025", district="180")
            for period, poor in (("2022-12", 90), ("2023-05", 90))
        ),
        poverty_report("2023-05", 0, unit="184", readings={"gbv_cases": 2, "jobs_found": 450}),
    ]


NAMES = {name: name.replace("_", " ") for name in ("met", "on_track", "behind", "missed", "not_met", "no_data")}


def foretold(output: str) -> Counter[tuple[str, str]]:
    """Return how many verdicts would change by the check's words, from one status to another."""
    counts: Counter[tuple[str, str]] = Counter()
    for _, number, before, after in re.findall(r"^  (\S+): (\d+) from “(.+)” to “(.+)”$", output, re.MULTILINE):
        counts[before, after] += int(number)
    total = re.search(r"^(\d+) verdicts would change", output, re.MULTILINE)
    assert int(total[1] if total else 0) == counts.total(), output
    return counts


def told_of(rules: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Return how many verdicts have changed by the message to the coordination office."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in (*rules["communes"], *rules["targets"]):
        counts[NAMES[one["before"]], NAMES[one["after"]]] += one["count"]
    return counts


@pytest.mark.parametrize("kind", list(CHANGES))
async def test_a_change_is_taken_up_by_all_services_and_moves_what_the_check_foretold(
    around: Surroundings, told: NotifyService, tmp_path: Path, kind: str
) -> None:
    directory = reference_that_binds(tmp_path)
    CHANGES[kind](directory)
    intake, scoring = await around.start("intake"), await around.start("scoring")
    sent = figures()
    await put_on_stream(around, *sent)

    async def are_judged() -> bool:
        return await count(around, SubmissionRow) == len(sent) and await no_target_moved(around)

    await eventually(are_judged)
    before = len(await changes(around))
    explained = await explain(told, around)

    output = await around.ntm("reference", "check", str(directory), "--lang", "en")
    expected = foretold(output)
    if kind in MOVES:
        assert set(re.findall(r"^  (\S+): \d+ from", output, re.MULTILINE)) == MOVES[kind], output
    else:
        assert expected
    assert await version_of(around) == 0
    assert len(await changes(around)) == before, "a check changes nothing"

    await around.ntm("reference", "install", str(directory), "--reason", "Thử", "--lang", "en")
    await all_run_on(1, intake, scoring, told.service)
    await eventually(lambda: around.published(subjects.ALL_RULES))  # scoring publishes them after it has taken it up
    (rules,) = [json.loads(message.data) for message in await around.published(subjects.ALL_RULES)]
    assert told_of(rules) == expected
    new = (await changes(around))[before:]
    assert {one["cause"] for one in new} <= {"rules"}
    assert {one["event"] for one in new} <= {"changed", "overdue", "report_arrived"}

    async def is_told() -> bool:
        return [mail.to for mail in told.mails if "phiên bản 1" in mail.subject] == [["vpdp@example.vn"]]

    await eventually(is_told)
    assert (await explain(told, around) != explained) == (kind == "routes")
    if kind == "units":
        await the_merged_commune_is_known(around, intake, scoring)
    await eventually(lambda: no_target_moved(around))  # commitments are judged after the communes
    assert "The same" in await around.ntm("rebuild", "--verify")


async def explain(told: NotifyService, around: Surroundings) -> set[str]:
    """Return the branches of routing that would tell that a border commune has lost criterion 11."""
    asked = {"event": "lost", "unit": "06043", "criterion": "ntm-11", "day": START.isoformat()}
    async with told.service.client(await around.key("20", agency="routes")) as client:
        answer = await client.get("/v1/routes:explain", params=asked)
    assert answer.status_code == 200, answer.text
    return {branch["id"] for branch in answer.json()["branches"] if branch["tells"]}


async def the_merged_commune_is_known(around: Surroundings, intake: Service, scoring: Service) -> None:
    """Check that figures of the merged commune are accepted and judged, and that its parts ended when it began."""
    key = await around.key("20", agency="merged")
    readings = {"households": 2000, "poor_households": 500, "near_poor_households": 0}
    body: dict[str, Any] = {"unit": BORDER, "period": "2023-06", "readings": readings, "confirmed": True}
    async with intake.client(key) as client:
        answer = await client.post("/v1/submissions", json=body)
        assert answer.status_code == 202, answer.text

    async def is_judged() -> bool:
        async with scoring.client(key) as client:
            shown = (await client.get(f"/v1/communes/{BORDER}")).json()
        poverty = next(one for one in shown["statuses"] if one["criterion"]["key"] == "ntm-11")
        return shown["unit"]["key"] == MERGED and poverty["assessment"]["parts"][0]["value"] == 25

    await eventually(is_judged)
    async with scoring.client(key) as client:
        then = (await client.get(f"/v1/communes/{BORDER}", params={"as_of": date(2023, 5, 31).isoformat()})).json()
    assert then["unit"]["key"] == PARTS[0]
