"""Damage in each column that intake reads: what comes is taken beside it, and all other rows come from the streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any, NamedTuple

import pytest
from nats.aio.msg import Msg
from sqlalchemy import Table, delete, func, insert, literal_column, not_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from services.intake.admission.candidate import Candidate, Posted
from services.intake.doors import openapi_examples
from services.intake.dossiers.decisions import record_decisions
from services.intake.dossiers.due_withdrawals import follow_changes
from services.intake.projection import project
from services.intake.service import Intake, Projection
from services.intake.storage.tables import ParkedRow
from shared.access.caller import EVERYTHING, Caller
from shared.contracts import subjects
from shared.contracts.submission import Receipt
from shared.postgres.statements import table_of
from shared.service.batch_processing import process
from tests.damage import Damage, tables_of, worse_damages
from tests.integration.test_interleaved_admission import intake_over
from tests.running import Service, Surroundings
from tests.waiting import eventually

STRUCK, SOUND = "06280", "06283"
EMPTY = {"intake.parked", "intake.unscored"}
CALLER = Caller("vq", ("184",), (EVERYTHING,), "k")
PROJECTIONS: dict[str, Projection] = {
    subjects.ALL_SUBMISSIONS: project.submissions,
    subjects.ALL_REVIEWS: project.reviews,
    subjects.ALL_WITHDRAWALS: project.withdrawals,
    subjects.ALL_EVIDENCE: project.evidence,
    subjects.ALL_REFUSALS: project.refusals,
    subjects.ALL_STATUSES: project.changes,
    subjects.ALL_PARKED: project.parked,
    subjects.ALL_PROBLEMS: project.difficulties,
    subjects.ALL_DOSSIERS: project.dossiers,
}
"""As the service has them, which cannot be imported without its settings."""

_revisions = count(2)
FEWER = {"households": 1204, "poor_households": 130, "near_poor_households": 88}


class Filled(NamedTuple):
    """Intake with its tables as they were filled from the streams."""

    intake: Intake
    around: Surroundings
    rows: dict[str, list[dict[str, Any]]]
    messages: dict[str, list[Msg]]
    """By family, as they stand on the streams."""

    async def begin(self, connection: AsyncConnection, damage: Damage) -> None:
        """Put the tables back, damage the first row of one, and leave no other row in it."""
        for table in tables_of("intake"):
            await connection.execute(delete(table))
            if table.fullname in self.rows:
                await connection.execute(insert(table), self.rows[table.fullname])
        table = damage.column.table
        assert isinstance(table, Table)
        key = tuple_(*table.primary_key)
        row = tuple(self.rows[table.fullname][0][column.name] for column in table.primary_key)
        await connection.execute(delete(table).where(not_(key.in_([row]))))
        spoilt = update(table).values({damage.column: literal_column(damage.value)})
        assert (await connection.execute(spoilt)).rowcount == 1

    async def work(self) -> list[str]:
        """Do all that intake does by its tables; return what was not done."""
        wrong = []
        intake = self.intake
        candidates, revision = [], next(_revisions)
        for unit in (STRUCK, SOUND):
            item = {
                **openapi_examples.SUBMISSION,
                "unit": unit,
                "period": "2023-06",
                "readings": FEWER,
                "revision": revision,
            }
            read = intake.admission.screen(item, 0, Posted(CALLER))
            assert isinstance(read, Candidate), read
            candidates.append(read)
        answers = await intake.admission.group_commit.submit(candidates)
        if not isinstance(answers[1], Receipt):
            wrong.append(f"the other commune's submission is not taken: {answers[1]}")
        await intake.admission.group_commit.compare(candidates)
        for family, projection in PROJECTIONS.items():
            messages = self.messages[family]

            async def handle(some: Any, projection: Any = projection) -> None:
                await intake.project(projection, some)

            stream = subjects.stream_of(family) or family
            await process(stream, messages, handle, intake.parking.park, intake.runtime.proof)
            if family == subjects.ALL_DOSSIERS:
                await record_decisions(intake, messages)
        await follow_changes(intake, self.messages[subjects.ALL_STATUSES])
        await intake.wholeness.look()
        await intake.parking.troubles()
        await intake.scoring_progress.scored_until()
        return wrong


@pytest.fixture(scope="module")
async def filled(shared_around: Surroundings, shared_intake: Service, shared_scoring: Service) -> AsyncIterator[Filled]:
    around = shared_around
    key = await around.key("184", agency="vq")

    async def post(path: str, body: Any) -> str:
        async with shared_intake.client(key) as client:
            answer = await client.post(path, json=body)
        assert answer.status_code < 300 or answer.status_code == 422, answer.text
        return str(answer.json().get("id"))

    for unit in (STRUCK, SOUND):
        sent = [
            await post(
                "/v1/submissions", {**openapi_examples.SUBMISSION, "unit": unit, "period": month, "confirmed": True}
            )
            for month in ("2023-04", "2023-05", "2023-06")
        ]
        await post(f"/v1/submissions/{sent[0]}/review", {"decision": "returned", "reason": "Chưa khớp"})
        await post(f"/v1/submissions/{sent[1]}/withdraw", {"reason": "Gửi nhầm"})
        await post(f"/v1/evidence?submission={sent[2]}&name=a&link=https://example.vn/", None)
        await post("/v1/submissions", {"unit": unit, "period": "nonsense"})
        await post("/v1/problems", {**openapi_examples.REPORT, "unit": unit})
        answers = [{"criterion": "ntm-1", "yes": True, "note": "x"}]
        step = {"step": "self_assessed", "person": "Lý Văn Nam", "answers": answers}
        await post(f"/v1/dossiers/{unit}/ntm", step)

    async def rows() -> dict[str, list[dict[str, Any]]]:
        async with around.engine.connect() as connection:
            return {
                table.fullname: [
                    dict(row)
                    for row in (await connection.execute(select(table).order_by(*table.primary_key))).mappings()
                ]
                for table in tables_of("intake", EMPTY)
            }

    async def are_filled() -> bool:
        return all(len(own) >= 2 for own in (await rows()).values())

    await eventually(are_filled, explain=lambda: "some table has no row")
    await shared_intake.stop()
    await shared_scoring.stop()
    async with intake_over(around, around.engine) as intake:
        yield Filled(intake, around, await rows(), {family: await around.published(family) for family in PROJECTIONS})


@pytest.mark.parametrize("table", tables_of("intake", EMPTY), ids=lambda table: table.name)
async def test_damage_in_any_column_stops_nothing_of_intake(filled: Filled, table: Table) -> None:
    wrong = {}
    for one in worse_damages(table):
        async with filled.around.engine.begin() as connection:
            await filled.begin(connection, one)
        try:
            with capture_logs():
                said = await filled.work()
        except Exception as error:  # noqa: BLE001 - what ends the process is what is looked for
            wrong[f"{one.column.name} = {one.value}"] = [repr(error)[:200]]
        else:
            async with filled.around.engine.connect() as connection:
                number = await connection.scalar(select(func.count()).select_from(table)) or 0
                parked = (await connection.execute(select(table_of(ParkedRow).c.reason))).all()
            if number < len(filled.rows[table.fullname]):
                said.append(f"{number} rows of {len(filled.rows[table.fullname])}")
            if parked:
                said.append(f"parked: {parked}")
            if said:
                wrong[f"{one.column.name} = {one.value}"] = said
    assert wrong == {}


def test_each_family_that_intake_projects_is_projected_here() -> None:
    assert {*PROJECTIONS, subjects.EACH_STATUS} == set(subjects.CONSUMERS["intake"])
