"""A system knows the plan by which it is judged: nothing judges it by another plan without being told to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.scoring.storage.begun_plans import begun_plans
from services.scoring.storage.tables import OutboxRow
from services.scoring.update.plan_guard import OtherPlanError
from services.scoring.update.rebuild import rebuild
from shared.reference.load import PACKAGED, follow_each_other, load
from tests.integration.test_scoring import changes, count, no_target_moved, poverty_report, put_on_stream, scored
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

OTHER = "lang-son-2023-draft"


@pytest.fixture(scope="session")
def two_plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reference data with a second plan: a draft of the first, with a wider tolerance."""
    directory = tmp_path_factory.mktemp("plans") / "reference"
    shutil.copytree(PACKAGED, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    plan = (directory / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
    draft = plan.replace("id: lang-son-2023\n", f"id: {OTHER}\n", 1).replace(
        "tolerance: 0.10\n", "tolerance: 0.50\n", 1
    )
    (directory / "plans" / f"{OTHER}.yaml").write_text(draft, encoding="utf-8")
    return directory


async def plans_of(around: Surroundings) -> set[str]:
    async with around.engine.connect() as connection:
        return await begun_plans(connection)


async def filled(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2023-05", 190))
    await eventually(lambda: scored(around, 2))
    await eventually(lambda: no_target_moved(around))
    assert await plans_of(around) == {"lang-son-2023"}


async def test_a_rebuild_by_another_plan_says_so_and_changes_nothing(
    around: Surroundings, scoring: Service, two_plans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(around, scoring)
    told = await changes(around)
    monkeypatch.setenv("NTM_REFERENCE_DIR", str(two_plans))
    monkeypatch.setenv("NTM_PLAN", OTHER)
    for arguments in (("rebuild",), ("rebuild", "--verify")):
        output = await around.ntm(*arguments, status=1)
        assert f"kế hoạch lang-son-2023, không phải {OTHER}" in output
        assert f"judged by the plan lang-son-2023, not {OTHER}" in output
    assert await changes(around) == told
    with pytest.raises(OtherPlanError):
        await rebuild(around.engine, around.nats, follow_each_other([load(OTHER, two_plans)]), START, switch=True)
    monkeypatch.delenv("NTM_PLAN")
    assert "kế hoạch bắt đầu khi kế hoạch lang-son-2023 chưa hết hạn" in await around.ntm("rebuild", status=1)
    monkeypatch.setenv("NTM_PLAN", "lang-son-2023")
    assert "The same" in await around.ntm("rebuild", "--verify")


async def test_a_change_of_plan_that_is_meant_is_made_and_the_service_then_runs_by_it(
    around: Surroundings, scoring: Service, two_plans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(around, scoring)
    await scoring.stop()
    by_the_other = {"NTM_REFERENCE_DIR": str(two_plans), "NTM_PLAN": OTHER}
    refused = Service(
        "scoring", {**around.env, **around.user("scoring"), **by_the_other}, around.logs / "refused.log", around.begin
    )
    with pytest.raises(AssertionError, match=f"not {OTHER}"):
        await refused.start()

    for name, value in by_the_other.items():
        monkeypatch.setenv(name, value)
    await around.ntm("rebuild", "--change-plan", status=1)  # the states differ, as they should
    assert await plans_of(around) == {OTHER}
    assert "The same" in await around.ntm("rebuild", "--verify")
    again = await around.start("scoring", **by_the_other)
    async with again.client(await around.key("20")) as client:
        assert (await client.get("/v1/statuses")).status_code == 200
    await eventually(lambda: no_target_moved(around))

    async def is_relayed() -> bool:
        return not await count(around, OutboxRow)

    await eventually(is_relayed)
