"""`ntm submit` against the real intake."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook

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
        assert "dòng 3 / line 3: /unit: " in output
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == 2


async def test_a_filled_workbook_is_sent_and_a_blank_one_is_told_to_be_blank(
    shared_around: Surroundings, tmp_path: Path
) -> None:
    intake = await shared_around.start("intake")
    key = await shared_around.key("184", agency="district-184")
    shared_around.as_running_system().write(tmp_path)
    file = tmp_path / "june.xlsx"
    async with intake.client(key) as client:
        asked = await client.get("/v1/templates/ntm-11.xlsx", params={"unit": "184", "period": "2023-06"})
    file.write_bytes(asked.content)
    blank = await ntm("submit", str(file), "--data", str(tmp_path), "--key", key, status=1)
    assert "Biểu mẫu còn trống" in blank
    workbook = load_workbook(BytesIO(asked.content))
    sheet = workbook["Số liệu"]
    row = next(row for row in sheet.iter_rows() if row[0].value == "06280")
    first, second, third = [cell for cell in row[2:] if not cell.protection.locked][:3]
    first.value, second.value, third.value = 1204, "131 hộ", 88
    workbook.save(file)
    faulty = await ntm("submit", str(file), "--data", str(tmp_path), "--key", key, status=1)
    assert f"{second.coordinate}: " in faulty
    second.value = 131
    workbook.save(file)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    for _ in range(2):
        taken = await ntm("submit", str(file), "--data", str(tmp_path), "--key", key)
        assert "1 accepted, 0 refused" in taken
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 1
