"""A backup that is made while submissions are posted: all that its database knows of stands in its streams."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from services.intake.storage.tables import SubmissionRow
from shared.contracts import subjects
from shared.postgres.statements import table_of
from tests.builders import a_posted_submission
from tests.integration.test_backup import COMMUNES, Filled, filled
from tests.waiting import eventually

__all__ = ["filled"]

pytestmark = pytest.mark.usefixtures("binding")


class Posting:
    """Senders, one for each commune, who post one correction after the other."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self._revisions = dict.fromkeys(COMMUNES, count(3))
        self.is_going = True

    async def send(self, unit: str) -> None:
        async with self._filled.service("intake").client(self._filled.key) as client:
            while self.is_going:
                revision = next(self._revisions[unit])
                figures = {"households": 1204, "poor_households": 60 + revision % 3 * 90, "near_poor_households": 88}
                body = a_posted_submission(unit=unit, readings=figures, confirmed=True, revision=revision)
                answer = await client.post("/v1/submissions", json=body)
                if answer.status_code == httpx.codes.ACCEPTED:
                    self._filled.receipts[answer.json()["id"]] = unit


async def test_a_backup_under_a_load_of_posts_is_consistent(filled: Filled, tmp_path: Path) -> None:
    posting, file, receipts = Posting(filled), tmp_path / "b", filled.receipts
    async with asyncio.TaskGroup() as tasks:
        for unit in COMMUNES:
            tasks.create_task(posting.send(unit))
        begun = len(receipts)
        await eventually(lambda: len(receipts) >= begun + 20)
        acknowledged = {*receipts}
        await filled.ntm("backup", str(file))
        meanwhile = len(receipts) - len(acknowledged)
        posting.is_going = False
    assert meanwhile > 0
    await filled.settled()

    await filled.stop()
    await filled.destroy_database()
    await filled.destroy_streams()
    await filled.restore(str(file))
    known = await _ids_in_the_database(filled)
    stored = {json.loads(message.data)["id"] for message in await filled.around.published(subjects.ALL_SUBMISSIONS)}
    assert known <= stored
    assert acknowledged <= stored
    await filled.start()
    await filled.settled()
    assert await _ids_in_the_database(filled) == stored
    async with filled.service("intake").client(filled.key) as client:
        for receipt in receipts:
            answer = await client.get(f"/v1/submissions/{receipt}")
            assert (answer.status_code, answer.json().get("status")) == (
                (httpx.codes.OK, "scored") if receipt in stored else (httpx.codes.NOT_FOUND, 404)
            )
    await filled.ntm("audit", "verify")
    await filled.ntm("rebuild", "--verify")


async def _ids_in_the_database(filled: Filled) -> set[str]:
    async with filled.around.engine.connect() as connection:
        return {str(one) for one in await connection.scalars(select(table_of(SubmissionRow).c.id))}
