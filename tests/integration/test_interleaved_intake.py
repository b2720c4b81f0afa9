"""Workers of intake bring messages about the same figures to the tables at the same time, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.projection import project
from services.intake.service import Projection
from services.intake.storage.keeping import NewUnscored, keep_unscored
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.publishing import publish
from shared.reference.load import load
from shared.service.proof import Proof
from shared.time import utc_now
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_withdrawal
from tests.interleaving import Work, engine_of, interleaved
from tests.running import Surroundings
from tests.runtimes import a_runtime

REFERENCE = load()
COMMITS = "SELECT 'all is done'"


def projecting(around: Surroundings, projection: Projection, messages: Sequence[Msg]) -> Work[None]:
    """Return the work of bringing messages to the tables, with a last statement before it is committed."""

    async def work(engine: AsyncEngine) -> None:
        runtime = a_runtime(around, engine, REFERENCE, await Proof.of(engine, around.nats))
        async with engine.begin() as connection:
            await projection(connection, messages, runtime)
            await connection.execute(text(COMMITS))

    return work


async def standing(around: Surroundings) -> dict[str, Decimal]:
    async with around.engine.connect() as connection:
        rows = await connection.execute(text("SELECT element, value FROM intake.reading"))
        return {row.element: row.value for row in rows}


async def sent(around: Surroundings, *submissions: AcceptedSubmission) -> list[Msg]:
    await put_on_stream(around, *submissions)
    return await around.published(subjects.ALL_SUBMISSIONS)


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_the_higher_revision_stands(around: Surroundings, is_in_order: bool) -> None:
    messages = await sent(around, poverty_report("2023-06", 100), poverty_report("2023-06", 200, revision=2))
    first, second = messages if is_in_order else messages[::-1]
    await interleaved(
        around.settings,
        projecting(around, project.submissions, [first]),
        projecting(around, project.submissions, [second]),
        before=COMMITS,
    )
    assert (await standing(around))["poor_households"] == 200


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_a_submission_that_is_withdrawn_while_it_is_projected_does_not_stand(
    around: Surroundings, is_in_order: bool
) -> None:
    earlier, later = poverty_report("2023-06", 100), poverty_report("2023-06", 200, revision=2)
    [first, second] = await sent(around, earlier, later)
    await projecting(around, project.submissions, [first])(around.engine)
    await publish(around.nats, [a_withdrawal(later)])
    withdrawal = projecting(around, project.withdrawals, await around.published(subjects.ALL_WITHDRAWALS))
    work = [projecting(around, project.submissions, [second]), withdrawal]
    one, other = work if is_in_order else work[::-1]
    await interleaved(around.settings, one, other, before=COMMITS)
    assert (await standing(around))["poor_households"] == 100


async def test_workers_that_got_the_same_messages_in_another_order_do_not_wait_in_a_circle(
    around: Surroundings,
) -> None:
    districts = [(BORDER, "180"), ("06280", "184"), ("06121", "182")]
    reports = [poverty_report("2023-06", 100, unit=unit, district=district) for unit, district in districts]
    messages = await sent(around, *reports)
    work = [projecting(around, project.submissions, each) for each in (messages, messages[::-1])]
    async with engine_of(around.settings, "one") as one, engine_of(around.settings, "two") as two:
        async with around.engine.begin() as connection:  # in whose way both come half way
            await connection.execute(text("LOCK TABLE intake.submission IN SHARE MODE"))
            both = [asyncio.ensure_future(work[0](one)), asyncio.ensure_future(work[1](two))]
            await asyncio.sleep(0.3)
        await asyncio.gather(*both)
    async with around.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM intake.submission")) == len(reports)


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_a_submission_that_was_scored_after_all_is_no_longer_parked(
    around: Surroundings, is_in_order: bool
) -> None:
    parked: NewUnscored = {"sequence": 7, "reason": "KeyError", "at": utc_now(), "scored_at": None}
    scored: NewUnscored = {**parked, "scored_at": utc_now()}

    def keeping(row: NewUnscored) -> Work[None]:
        async def work(engine: AsyncEngine) -> None:
            async with engine.begin() as connection:
                await keep_unscored(connection, [row])
                await connection.execute(text(COMMITS))

        return work

    first, second = (parked, scored) if is_in_order else (scored, parked)
    await interleaved(around.settings, keeping(first), keeping(second), before=COMMITS)
    async with around.engine.connect() as connection:
        assert await connection.scalar(text("SELECT scored_at FROM intake.unscored"))
