"""`ntm submit` against the real intake."""

from __future__ import annotations

import json
from pathlib import Path

from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.running import Surroundings, ntm


async def test_a_file_that_is_submitted_again_is_taken_once(shared_around: Surroundings, tmp_path: Path) -> None:
    await shared_around.start("intake")
    key = await shared_around.key("184", agency="district-184")
    shared_around.as_running_system().write(tmp_path)
    file = tmp_path / "june.ndjson"
    items = [a_posted_submission(), a_posted_submission(period="2023-05"), a_posted_submission(unit="06004")]
    file.write_text("\n".join(json.dumps(item) for item in items))
    for _ in range(2):
        output = await ntm("submit", str(file), "--data", str(tmp_path), "--key", key, status=1)
        assert "2 accepted, 1 refused" in output
        assert "3: /unit: " in output
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == 2
