"""The first weeks of the sample year, and its change of year, on the whole system as `ntm up --sample` plays them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import nats as nats_client
import pytest
from nats.aio.client import Client

from deploy.local.clients import broker, database, http, settings_of
from deploy.local.running_system import RunningSystem
from deploy.local.sample import FIRST_DAY, LAST_DAY, next_reference, write_reference
from deploy.local.sample import play as playing
from deploy.local.sample.play import Progress, play
from deploy.local.sample.posts import Day, Post, Submission
from deploy.local.sample.summary import summary
from deploy.local.sample.year import plan_year
from services.scoring.update.rebuild import rebuild
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.contracts.status import Status
from shared.nats.stream_reader import read_stream
from shared.nats.users import login
from shared.reference.load import Reference, load_for
from tests.ports import free_ports

STARTS = """
import asyncio, sys
from pathlib import Path
from datetime import date
from deploy.local.sample import CONTACTS, SAMPLE_COHORTS
from deploy.local.system import Options, Ports, run

async def say(running):
    print("ready", flush=True)

options = Options(
    data=Path(sys.argv[1]), ports=Ports.starting_at(int(sys.argv[2])), contacts=CONTACTS,
    today=date.fromisoformat(sys.argv[3]), sample_cohorts=SAMPLE_COHORTS,
    reference_dir=Path(sys.argv[4]) if sys.argv[4:] else None,
)
asyncio.run(run(options, say))
"""


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSystem]:
    async with running(tmp_path_factory.mktemp("system"), FIRST_DAY) as system:
        yield system


@asynccontextmanager
async def running(data: Path, today: date, *reference: Path) -> AsyncIterator[RunningSystem]:
    base = free_ports(4)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STARTS,
        str(data),
        str(base),
        today.isoformat(),
        *(str(directory) for directory in reference),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
        yield RunningSystem.find(data)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)


async def submissions_kept(system: RunningSystem) -> int:
    client = await nats_client.connect(system.nats_url, **login(system.nats_seed_file))
    stream = await client.jetstream().stream_info(subjects.SUBMISSIONS_STREAM)
    await client.close()
    return stream.state.messages


async def test_the_year_begins_is_broken_off_and_goes_on_where_it_stopped(system: RunningSystem) -> None:
    seen: list[Progress] = []
    await play(system, seconds=None, until=date(2023, 2, 5), on_progress=seen.append)
    posted = await submissions_kept(system)
    assert (seen[0].day, seen[-1].day) == (FIRST_DAY, date(2023, 2, 5))

    await play(system, seconds=None, until=date(2023, 2, 5))
    assert await submissions_kept(system) == posted

    await play(system, seconds=2, until=date(2023, 2, 10), on_progress=seen.append)
    assert [progress.day.day for progress in seen[-6:]] == [5, 6, 7, 8, 9, 10]

    async with database(system) as engine, http() as client:
        key = await add_key(engine, "reader", "Reader", ["20"], [EVERYTHING])
        found = await summary(client, system.scoring_url, system.notify_url, key)
        headers = {"Authorization": f"Bearer {key}"}
        answer = await client.get(f"{system.notify_url}/v1/notices", params={"limit": 200}, headers=headers)
    assert (found.on, found.sample) == (date(2023, 2, 10), True)
    baselines = {target.line: target.baseline for target in found.plans[0].targets if target.measured_in == "communes"}
    assert (baselines[35], baselines[55], baselines[71]) == (77, 104, 181)
    assert {target.status for target in found.plans[0].targets} >= {Status.MET, Status.ON_TRACK}
    told = {one.role: one.by_channel["email"] for one in found.notices}
    offices = [one for one in answer.json()["items"] if one["recipient"].startswith("district_office@")]
    # how many alerts a mail tells depends on when they came, how many alerts are told by mail does not
    assert sum(len(one["alerts"]) for one in offices if one["channel"] == "email") > 10
    assert told["district_office"] == len([one for one in offices if one["channel"] == "email"])
    assert told["provincial_committee"] == 0


DECEMBER = date(2023, 12, 12)


def from_december_on(reference: Reference, seed: int, until: date) -> list[Day]:
    """Return the days from 12 December on; what the year begins with is posted on the first of them.

    The months between are left out, so some figures change more than intake takes unconfirmed.
    """
    first, *following = plan_year(reference, seed, until)
    days = [Day(DECEMBER, first.posts), *(day for day in following if day.on > DECEMBER)]
    return [
        Day(day.on, tuple(Post(post.agency, tuple(map(confirmed, post.submissions))) for post in day.posts))
        for day in days
    ]


def confirmed(submission: Submission) -> Submission:
    return {**submission, "confirmed": True}


async def test_the_sample_runs_on_into_2024_by_a_plan_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "plan_year", from_december_on)
    monkeypatch.delenv("NTM_PLAN", raising=False)
    of_2023, of_2024 = "lang-son-2023", next_reference().plan.id
    async with running(tmp_path, DECEMBER, write_reference(tmp_path / "reference")) as system, http() as client:
        async with database(system) as engine:
            key = await add_key(engine, "reader", "Reader", ["20"], [EVERYTHING])
        client.headers["Authorization"] = f"Bearer {key}"

        async def targets(**asked: str) -> dict[str, Any]:
            answer = await client.get(f"{system.scoring_url}/v1/targets", params=asked)
            return dict(answer.raise_for_status().json())

        def statuses(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
            return {(one["commitment"]["id"], one["unit"]["code"]): one["status"] for one in answer["items"]}

        await play(system, seconds=None, until=LAST_DAY)
        at_the_close = await targets(plan=of_2023)
        on_the_last_day = await targets(as_of="2023-12-31")
        await play(system, seconds=None, until=date(2024, 3, 31))

        assert statuses(await targets(plan=of_2023)) == statuses(at_the_close)
        assert {one["commitment"]["id"] for one in on_the_last_day["items"]} == {
            one["commitment"]["id"] for one in at_the_close["items"]
        }
        assert statuses(await targets(as_of="2023-12-31")) == statuses(on_the_last_day)
        found = await targets()
        assert statuses(found) == statuses(await targets(plan=of_2024))
        judged = {one["commitment"]["id"]: one for one in found["items"]}
        assert found["sample"]
        assert {"sample-new-jobs", "sample-poverty-communes", "sample-poverty-rate"} <= {
            name for name, one in judged.items() if one["status"] != Status.NO_DATA
        }
        assert judged["sample-new-jobs"]["assessment"]["parts"][0]["value"] > 50, "the jobs of two months"
        assert all(
            not part["verified"] for one in judged.values() for part in (one["assessment"] or {"parts": []})["parts"]
        )

        result = await summary(client, system.scoring_url, system.notify_url, key, date(2024, 3, 31))
        assert [(one.plan.id, bool(one.targets)) for one in result.plans] == [(of_2023, True), (of_2024, True)]

        counted = (await client.get(f"{system.scoring_url}/v1/summary", params={"months": True})).json()
        assert [day["on"] for day in counted["days"]] == ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]
        assert [day["plan"] for day in counted["days"]] == [of_2023, of_2024, of_2024, of_2024]
        for day in counted["days"]:
            assert communes_in(day) == await communes_listed(client, system.scoring_url, day["on"]), day["on"]

        async with broker(system) as nats, database(system) as engine:
            told = [change async for change in changes_told(nats)]
            of_plans = [change for change in told if change["cause"] == "plan"]
            assert {(change["plan"], change["event"]) for change in of_plans} == {(of_2024, "changed")}
            at_the_deadline = [one for one in told if (one["plan"], one["on"]) == (of_2023, "2024-01-01")]
            assert ("missed", "time") in {(one["event"], one["cause"]) for one in at_the_deadline}
            report = await rebuild(engine, nats, load_for(settings_of(system)), date(2024, 3, 31), switch=False)
            assert report.differences == []


def communes_in(day: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    """Return the communes of a summary's day by district, criterion and status."""
    return Counter(
        {
            (district["district"]["code"], cell["criterion"], status): number
            for district in day["districts"]
            for cell in district["cells"]
            if cell["cohort"] is None
            for status, number in cell["statuses"].items()
        }
    )


async def communes_listed(client: httpx.AsyncClient, url: str, as_of: str) -> Counter[tuple[str, str, str]]:
    """Return the communes by district, criterion and status as the list of statuses has them."""
    found, asked = Counter[tuple[str, str, str]](), {"as_of": as_of, "limit": "5000"}
    while True:
        page = (await client.get(f"{url}/v1/statuses", params=asked)).json()
        found.update((one["district"]["code"], one["criterion"]["key"], one["status"]) for one in page["items"])
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]


async def changes_told(nats: Client) -> AsyncIterator[dict[str, Any]]:
    """Yield every change that scoring has published."""
    for family in (subjects.ALL_STATUSES, subjects.ALL_STATUSES_V2, subjects.ALL_TARGETS, subjects.ALL_TARGETS_V2):
        async for batch in read_stream(nats, subjects.STATUS_STREAM, family):
            for message in batch:
                yield json.loads(message.data)
