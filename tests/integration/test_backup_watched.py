"""Operators hear of a daily backup that failed, of the newest that is too old, and of the end of both."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.backup.archive import written
from shared.backup.retention import name_at
from shared.contracts import subjects
from shared.time import VIETNAM, utc_now
from tests.programs import NTM, ON_A_FULL_DISK
from tests.running import Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")


@asynccontextmanager
async def daily(around: Surroundings, program: str, directory: Path, *options: str) -> AsyncIterator[None]:
    around.as_running_system().write(around.logs)
    command = (sys.executable, "-c", program, "backup", str(directory), "--data", str(around.logs), *options)
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def last_report(around: Surroundings, state: str) -> dict[str, Any] | None:
    reports = [json.loads(one.data) for one in await around.published(subjects.trouble("backup", "backup"))]
    return reports[-1] if reports and reports[-1]["state"] == state else None


async def test_operators_hear_of_a_daily_backup_that_failed_and_of_its_end(
    around: Surroundings, tmp_path: Path
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    async with daily(around, ON_A_FULL_DISK, directory, "--daily-at", "00:00"):
        report = await eventually(lambda: last_report(around, "raised"))
    assert "File too large" in report["details"]["en"]
    assert "ntm backup" in report["remedy"]["vi"]
    assert not list(directory.iterdir())
    async with daily(around, NTM, directory, "--daily-at", "00:00"):
        await eventually(lambda: last_report(around, "cleared"))
    assert len(list(directory.iterdir())) == 1


async def test_operators_hear_that_the_newest_backup_is_too_old_and_of_its_end(
    around: Surroundings, tmp_path: Path
) -> None:
    directory, now = tmp_path / "backups", utc_now()
    directory.mkdir()
    with written(directory / name_at(now - timedelta(hours=2)), []):
        pass
    before = f"{(now - timedelta(hours=3)).astimezone(VIETNAM):%H:%M}"  # none is due
    async with daily(around, NTM, directory, "--daily-at", before, "--longest-hours", "1"):
        report = await eventually(lambda: last_report(around, "raised"))
        assert str(directory) in report["details"]["vi"]
        assert "1 giờ" in report["details"]["vi"]
        await around.ntm("backup", str(directory))  # by hand
        await eventually(lambda: last_report(around, "cleared"))
