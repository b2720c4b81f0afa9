"""Previews over NATS: scoring tells the changes that submissions would cause, and stores nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, time
from typing import Any

import pytest
from nats.aio.msg import Msg
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking import preview
from services.scoring.judging.changes import Moment
from services.scoring.judging.readings import readings_in
from services.scoring.storage.readings import write_readings
from services.scoring.storage.tables import ChangeRow, OutboxRow, ReadingRow, StatusRow, SubmissionRow
from shared.contracts import subjects
from shared.contracts.preview import Preview, PreviewRequest
from shared.contracts.submission import AcceptedSubmission, Submission
from shared.postgres.statements import table_of
from tests.binding_plan import binding_reference
from tests.builders import DIEM_HE, an_accepted_submission
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

BORDER = "06004"  # xã Đào Viên, huyện Tràng Định: the plan of `binding` binds it to criterion 11


def poverty(poor: int, unit: str = BORDER, **changes: Any) -> dict[str, Any]:
    counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    return {"unit": unit, "period": "2022-12", "readings": counts, **changes}


async def ask(around: Surroundings, body: bytes) -> Msg:
    return await around.nats.request(subjects.PREVIEW, body, timeout=60)


async def previewed(around: Surroundings, *submissions: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    reply = await ask(around, json.dumps({"submissions": submissions}).encode())
    found = Preview.model_validate_json(reply.data).statuses
    return [(one.unit, one.criterion, one.before, one.after) for one in found]


async def test_a_preview_tells_the_status_before_and_after_with_the_reason(
    around: Surroundings, scoring: Service
) -> None:
    reply = await ask(around, json.dumps({"submissions": [poverty(200)]}).encode())
    (one,) = Preview.model_validate_json(reply.data).statuses
    assert (one.unit, one.criterion, one.before, one.after) == (BORDER, "ntm-11", "no_data", "behind")
    assert "20 %" in one.reason.vi
    assert "20 %" in one.reason.en


async def test_nothing_of_a_preview_is_stored(around: Surroundings, scoring: Service) -> None:
    async def rows() -> list[int | None]:
        async with around.engine.connect() as connection:
            models = (SubmissionRow, ReadingRow, StatusRow, ChangeRow, OutboxRow)
            return [await connection.scalar(select(func.count()).select_from(table_of(model))) for model in models]

    await eventually(lambda: scoring.fact("ticked"))
    before = await rows()
    assert await previewed(around, poverty(200)) == await previewed(around, poverty(200))
    assert await rows() == before


async def test_the_figures_that_stand_already_count(around: Surroundings, scoring: Service) -> None:
    async with around.engine.begin() as connection:
        await stand(connection, an_accepted_submission(unit=BORDER, district="180", **of(poverty(200, revision=2))))
    assert await previewed(around, poverty(100)) == [(BORDER, "ntm-11", "behind", "behind")]
    assert await previewed(around, poverty(100, revision=3)) == [(BORDER, "ntm-11", "behind", "met")]


def of(posted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in posted.items() if name != "unit"}


async def stand(connection: AsyncConnection, submission: AcceptedSubmission) -> None:
    unit = binding_reference().units.find(submission.unit, submission.period.end)
    assert unit
    readings = readings_in(submission, submission.id, submission.received_at)
    await write_readings(connection, [(unit.key, reading) for reading in readings])


async def test_several_submissions_count_together_and_the_last_of_equals_stands(
    around: Surroundings, scoring: Service
) -> None:
    parts = [poverty(0, readings={"households": 1000}), poverty(0, readings={"poor_households": 100})]
    rest = poverty(0, readings={"near_poor_households": 0})
    assert await previewed(around, *parts) == [(BORDER, "ntm-11", "no_data", "no_data")]
    assert await previewed(around, *parts, rest) == [(BORDER, "ntm-11", "no_data", "met")]
    assert await previewed(around, poverty(200), poverty(100)) == [(BORDER, "ntm-11", "no_data", "met")]


async def test_units_that_do_not_exist_or_are_no_communes_are_passed_over(
    around: Surroundings, scoring: Service
) -> None:
    found = await previewed(around, poverty(200, "99998"), poverty(200, "184"), poverty(200, DIEM_HE))
    assert [unit for unit, *_ in found] == [DIEM_HE] * len(found) != []
    assert await previewed(around) == []


async def test_a_request_that_makes_no_sense_is_told_so_and_the_next_one_is_answered(
    around: Surroundings, scoring: Service
) -> None:
    too_many = PreviewRequest.model_construct(submissions=[Submission.model_validate(poverty(1))] * 1001)
    nonsense = [b"", b"{not json", b"\xff\xfe", b"[]", b'{"submissions":[{"unit":"x"}]}', b"[" * 100_000]
    for body in [*nonsense, too_many.model_dump_json().encode()]:
        reply = await ask(around, body)
        assert (reply.headers or {})["Nats-Service-Error-Code"] == "422"
        assert json.loads(reply.data)["errors"]
    huge = await ask(around, json.dumps({"submissions": [poverty(10**4000)]}).encode())
    assert (huge.headers or {})["Nats-Service-Error-Code"] == "500"
    await around.nats.publish(subjects.PREVIEW, b"nobody waits for this")
    assert await previewed(around, poverty(200))


async def test_the_whole_province_fits_into_one_reply(around: Surroundings, scoring: Service) -> None:
    communes = binding_reference().units.communes(START, "20")
    found, *others = await asyncio.gather(
        previewed(around, *(poverty(200, unit.code) for unit in communes)),
        *(previewed(around, poverty(200)) for _ in range(3)),
    )
    assert len({unit for unit, *_ in found}) == len(communes)
    assert all(other == [(BORDER, "ntm-11", "no_data", "behind")] for other in others)


async def test_a_preview_cannot_write(around: Surroundings) -> None:
    moment = Moment(on=START, at=datetime.combine(START, time(9), UTC))
    async with around.engine.connect() as connection:
        await connection.execution_options(postgresql_readonly=True)
        await preview.preview(connection, binding_reference(), [Submission.model_validate(poverty(200))], moment)
        with pytest.raises(DBAPIError, match="read-only"):
            await stand(connection, an_accepted_submission())
