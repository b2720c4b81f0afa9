"""`ntm submit` against the real intake."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from deploy.local.running_system import RunningSystem
from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.running import Surroundings


async def test_a_file_that_is_submitted_again_is_taken_once(shared_around: Surroundings, tmp_path: Path) -> None:
    intake = await shared_around.start("intake")
    key = await shared_around.key("184", agency="district-184")
    RunningSystem(
        intake_url=intake.url,
        scoring_url=intake.url,
        notify_url=intake.url,
        postbox_url=intake.url,
        nats_url=shared_around.env["NTM_NATS_URL"],
        nats_token=shared_around.env["NTM_NATS_TOKEN"],
        database_url=shared_around.env["NTM_DATABASE_URL"],
        clock="simulated",
    ).write(tmp_path)
    file = tmp_path / "june.ndjson"
    items = [a_posted_submission(), a_posted_submission(period="2023-05"), a_posted_submission(unit="06004")]
    file.write_text("\n".join(json.dumps(item) for item in items))
    for _ in range(2):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli.main", "submit", str(file), "--data", str(tmp_path), "--key", key,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output = (await child.communicate())[0].decode()
        assert child.returncode == 1, output
        assert "2 accepted, 1 refused" in output
        assert "3: /unit: " in output
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == 2
