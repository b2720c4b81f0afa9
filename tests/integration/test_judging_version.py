"""A state that another version of judging judged says so until `ntm rebuild` has judged all of it again."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from services.scoring.judging.version import JUDGING
from services.scoring.storage.judged_version import judging_of_state
from tests.integration.test_doctor import found, words_about
from tests.integration.test_rebuild import a_history, scored
from tests.integration.test_scoring import changes, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")


async def version_of(around: Surroundings) -> int | None:
    async with around.engine.connect() as connection:
        return await judging_of_state(connection)


async def set_version(around: Surroundings, version: int | None) -> None:
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE scoring.reference SET judging = :version"), {"version": version})


async def test_a_new_state_is_of_the_version_that_judges_it(around: Surroundings, scoring: Service) -> None:
    assert await version_of(around) == JUDGING
    assert "judged" not in " ".join(one.words.en for one in await found(around))


@pytest.mark.parametrize("version", [None, 0])
async def test_a_state_of_before_asks_for_a_rebuild_which_says_first_what_it_changes(
    around: Surroundings, scoring: Service, version: int | None
) -> None:
    history = [*a_history(), poverty_report("2023-06", 195, START)]
    await put_on_stream(around, *history)
    await scored(around, len(history))
    assert "behind" in {one["after"] for one in await changes(around)}
    await set_version(around, version)
    async with around.engine.begin() as connection:  # to that version what is behind was met
        await connection.execute(text("UPDATE scoring.status SET status = 'met' WHERE status = 'behind'"))

    async def logs_it() -> bool:
        return "code=judging" in scoring.log.read_text(encoding="utf-8")

    await eventually(logs_it)
    assert any("ntm rebuild --verify" in one.remedy.vi for one in await found(around))
    told = len(await changes(around))

    shown = await around.ntm("rebuild", "--verify", status=1)
    verdicts = [line for line in shown.splitlines() if "chậm tiến độ / behind" in line]
    assert [line.split()[1] for line in verdicts] == ["advanced-11", "ntm-11"]
    assert all(line.index("đạt / met") < line.index("behind") for line in verdicts)
    assert len(await changes(around)) == told
    assert await version_of(around) == version
    # figures that this program judges meanwhile make the state no newer
    await put_on_stream(around, poverty_report("2023-04", 170, date(2023, 6, 29)))
    await scored(around, len(history) + 1)
    await scoring.stop()
    await scoring.start()
    assert await version_of(around) == version

    await around.ntm("rebuild", status=1)
    assert await version_of(around) == JUDGING
    assert "The same" in await around.ntm("rebuild", "--verify")

    async def is_well() -> bool:
        return not any("judged" in one.words.en for one in await found(around))

    await eventually(is_well)


async def test_a_program_that_judges_a_newer_state_makes_it_as_old_as_itself(
    around: Surroundings, scoring: Service
) -> None:
    await set_version(around, JUDGING + 1)
    assert str(JUDGING + 1) in words_about(await found(around), "scoring")
    await scoring.stop()
    await scoring.start()
    assert await version_of(around) == JUDGING
