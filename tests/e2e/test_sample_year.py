"""The first weeks of the sample year on the whole system, as `ntm up --sample` plays them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import nats as nats_client
import pytest

from deploy.local.clients import database, http
from deploy.local.running_system import RunningSystem
from deploy.local.sample import FIRST_DAY
from deploy.local.sample.play import Progress, play
from deploy.local.sample.summary import summary
from deploy.local.system import is_free
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.contracts.status import Status

STARTS = """
import asyncio, sys
from pathlib import Path
from deploy.local.sample import CONTACTS, FIRST_DAY, SAMPLE_COHORTS
from deploy.local.system import Options, Ports, run

async def say(running):
    print("ready", flush=True)

options = Options(
    data=Path(sys.argv[1]), ports=Ports.starting_at(int(sys.argv[2])), today=FIRST_DAY, contacts=CONTACTS,
    sample_cohorts=SAMPLE_COHORTS,
)
asyncio.run(run(options, say))
"""


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSystem]:
    data = tmp_path_factory.mktemp("system")
    base = next(base for base in range(19_901, 20_000, 10) if all(is_free(base + number) for number in range(4)))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STARTS,
        str(data),
        str(base),
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
    client = await nats_client.connect(system.nats_url, token=system.nats_token)
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
    baselines = {target.line: target.baseline for target in found.targets if target.measured_in == "communes"}
    assert (baselines[35], baselines[55], baselines[71]) == (77, 104, 181)
    assert {target.status for target in found.targets} >= {Status.MET, Status.ON_TRACK}
    told = {one.role: one.by_channel["email"] for one in found.notices}
    offices = [one for one in answer.json()["items"] if one["recipient"].startswith("district_office@")]
    # how many alerts a mail tells depends on when they came, how many alerts are told by mail does not
    assert sum(len(one["alerts"]) for one in offices if one["channel"] == "email") > 10
    assert told["district_office"] == len([one for one in offices if one["channel"] == "email"])
    assert told["provincial_committee"] == 0
