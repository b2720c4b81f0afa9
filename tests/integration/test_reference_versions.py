"""Reference data are operated: a version is installed in a running system, and every service takes it up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from services.scoring.storage.judged_version import judged_version
from shared.contracts import subjects
from shared.nats.publishing import SubjectMovedError
from shared.reference.archive import Files, read_files
from shared.reference.load import PACKAGED
from shared.service.reference_versions import install, newest_number
from shared.time import VIETNAM
from tests.binding_plan import binding_plans, binding_reference, reference_that_binds
from tests.changes import DISTRICT_OFFICE, a_contact
from tests.integration.notify_service import NotifyService, notify_service
from tests.integration.test_scoring import changes, no_target_moved, poverty_report, put_on_stream, scored
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

REASON = "Thông báo 45: ngưỡng 10 %"


def a_directory(folder: Path, name: str = "rules", **replaced: str) -> Path:
    """Copy the reference data that bind, with the goal of criterion 11 at 10 instead of 13 percent."""
    directory = reference_that_binds(folder / name)
    file = directory / "criteria" / "ntm.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("goal: 13\n", replaced.get("goal", "goal: 10\n"), 1), "utf-8"
    )
    return directory


@pytest.fixture
async def told(around: Surroundings, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[NotifyService]:
    """A running notify; the coordination office and the district's office have addresses."""
    contacts = [DISTRICT_OFFICE, a_contact("coordination_office", "20", emails=["vpdp@example.vn"])]
    url = around.env["NTM_DATABASE_URL"]
    async with notify_service(tmp_path, around.nats, nats_server, url, contacts, around.begin) as notify:
        notify.service.env["NTM_CLOCK"] = "simulated"
        notify.service.env["NTM_WAIT_SHARE"] = "0"
        await notify.start()
        around.services.append(notify.service)
        yield notify


async def all_run_on(number: int, *services: Service) -> None:
    async def they_do() -> bool:
        return [await service.fact("reference") for service in services] == [number] * len(services)

    await eventually(they_do)


async def version_of(around: Surroundings) -> int | None:
    async with around.engine.connect() as connection:
        return await judged_version(connection)


async def of_rules(around: Surroundings) -> list[dict[str, Any]]:
    return [one for one in await changes(around) if one["cause"] == "rules"]


async def test_a_changed_goal_is_taken_up_by_all_services_and_told_once_to_the_coordination_office(
    around: Surroundings, told: NotifyService, tmp_path: Path
) -> None:
    intake = await around.start("intake")
    scoring = [await around.start("scoring"), await around.start("scoring")]
    await put_on_stream(around, poverty_report("2022-12", 120), poverty_report("2023-05", 115))
    await eventually(lambda: scored(around, 2))
    await eventually(lambda: no_target_moved(around))

    key = await around.key("20")
    posted = asyncio.create_task(post_figures(intake, key))
    output = await around.ntm("reference", "install", str(a_directory(tmp_path)), "--reason", REASON, "--lang", "en")
    assert "changed criterion ntm-11" in output
    assert [f"{name}: runs on this version" in output for name in ("intake", "scoring", "notify")] == [True] * 3
    await all_run_on(1, intake, *scoring, told.service)
    accepted = await posted
    assert await version_of(around) == 1

    (rules,) = [json.loads(message.data) for message in await around.published(subjects.ALL_RULES)]
    assert rules["reason"] == REASON
    assert all(one["event"] in ("changed", "overdue", "report_arrived") for one in await of_rules(around))
    moved = sum(one["count"] for one in rules["communes"])
    assert moved == sum(one["before"] != one["after"] for one in await of_rules(around)) > 0

    def about_rules() -> list[Any]:
        return [mail for mail in told.mails if "phiên bản 1" in mail.subject]

    async def office_has_its_mail() -> bool:
        return len(about_rules()) == 1

    await eventually(office_has_its_mail)
    (mail,) = about_rules()
    assert mail.to == ["vpdp@example.vn"]
    assert REASON in mail.text
    (to_units,) = await told.rows(
        "SELECT count(*) FROM notify.mention m JOIN notify.alert a ON a.id = m.alert"
        " WHERE a.body->>'cause' = 'rules' AND a.body->>'before' IS NOT NULL"
    )
    assert tuple(to_units) == (0,)

    async def all_are_scored() -> bool:
        async with around.engine.connect() as connection:
            return await connection.scalar(sql("SELECT count(*) FROM scoring.submission")) == accepted + 2

    await eventually(all_are_scored)
    await eventually(lambda: no_target_moved(around))
    assert "The same" in await around.ntm("rebuild", "--verify")
    async with around.engine.connect() as connection:
        assert await connection.scalar(sql("SELECT count(*) FROM scoring.parked")) == 0


async def post_figures(intake: Service, key: str) -> int:
    """Post a report of ever another commune while the rules change; return the number of accepted ones."""
    communes = [unit.code for unit in binding_reference().units if unit.kind == "commune" and unit.valid_to is None][
        :40
    ]
    accepted = 0
    async with intake.client(key) as client:
        for code in communes:
            readings = {"households": 1000, "poor_households": 110, "near_poor_households": 0}
            body = {"unit": code, "period": "2023-05", "readings": readings, "confirmed": True}
            accepted += (await client.post("/v1/submissions", json=body)).status_code == 202
            await asyncio.sleep(0.05)
    return accepted


async def test_a_faulty_directory_is_refused_with_file_and_line_and_changes_nothing(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    directory = a_directory(tmp_path, goal="goal: ten\n")
    lines = (directory / "criteria" / "ntm.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "goal: ten" in text)
    for command in (("check",), ("install", "--reason", "x")):
        output = await around.ntm("reference", command[0], str(directory), *command[1:], "--lang", "en", status=2)
        assert f"criteria/ntm.yaml:{line}: criteria[10].indicators[0].goal" in output
    elements = (PACKAGED / "elements.yaml").read_text(encoding="utf-8")
    gone = a_directory(tmp_path, "gone")
    (gone / "elements.yaml").write_text(elements, encoding="utf-8")
    units = (gone / "units.csv").read_text(encoding="utf-8").splitlines()
    (gone / "units.csv").write_text("\n".join(row for row in units if ",06004," not in row) + "\n", encoding="utf-8")
    await around.ntm("reference", "check", str(gone), status=2)
    assert await newest_number(around.nats) == 0
    assert await version_of(around) == 0


async def test_of_two_who_install_at_once_the_second_is_told_and_has_to_look_again(
    around: Surroundings, tmp_path: Path
) -> None:
    plans, files = binding_plans(), read_files(a_directory(tmp_path))
    now = datetime.now(VIETNAM)
    both = await asyncio.gather(
        *(
            install(around.nats, plans, "lang-son-2023", files, author=author, reason=REASON, after=0, at=now)
            for author in ("An", "Bình")
        ),
        return_exceptions=True,
    )
    assert [type(one) for one in both if not isinstance(one, int)] == [SubjectMovedError]
    assert await newest_number(around.nats) == 1


async def install_first(around: Surroundings, files: Files) -> None:
    """Install the files as the first version."""
    await install(
        around.nats,
        binding_plans(),
        "lang-son-2023",
        files,
        author="An",
        reason=REASON,
        after=0,
        at=datetime.now(VIETNAM),
    )


async def test_a_service_that_starts_later_runs_on_the_installed_version_whatever_its_files_are(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 120))
    await eventually(lambda: changes(around))
    intake = await around.start("intake")
    system = around.as_running_system()
    files = read_files(a_directory(tmp_path))
    await install_first(around, files)
    await all_run_on(1, intake, scoring)
    later = await around.start("scoring")
    await all_run_on(1, later)
    await scoring.kill()
    await scoring.start()
    await all_run_on(1, scoring)
    assert system.clock == "simulated"
    assert "The same" in await around.ntm("rebuild", "--verify")
    assert REASON in await around.ntm("reference", "list")
    output = await around.ntm("rebuild", "--change-plan", status=1)
    assert "ntm reference install" in output


async def test_a_version_that_a_program_cannot_use_is_refused_loudly_and_the_service_goes_on(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 120))
    await eventually(lambda: changes(around))
    intake = await around.start("intake")
    files = {**read_files(a_directory(tmp_path)), "calendar.yaml": "unheard_of: 1\n"}
    await install_first(around, files)

    async def both_refuse() -> bool:
        return [await service.fact("reference_refused") for service in (intake, scoring)] == [1, 1]

    await eventually(both_refuse)
    told = len(await changes(around))
    await put_on_stream(around, poverty_report("2023-05", 200))

    async def goes_on() -> bool:
        return len(await changes(around)) > told

    await eventually(goes_on)
    assert await version_of(around) == 0
    restarted = await around.start("intake")
    assert (await restarted.fact("reference"), await restarted.fact("reference_refused")) == (0, 1)

    sound = read_files(a_directory(tmp_path, "sound"))
    await install(
        around.nats,
        binding_plans(),
        "lang-son-2023",
        sound,
        author="An",
        reason=REASON,
        after=1,
        at=datetime.now(VIETNAM),
    )
    await all_run_on(2, intake, scoring, restarted)
    assert await scoring.fact("reference_refused") is None


async def test_processes_with_other_files_are_noticed_until_a_version_is_installed(
    around: Surroundings, scoring: Service, tmp_path: Path
) -> None:
    await around.start("intake")
    assert "started with" in await around.ntm("reference", "list", "--lang", "en")
    other = a_directory(tmp_path)
    second = await around.start("scoring", NTM_REFERENCE_DIR=str(other))
    assert await scoring.fact("reference_files_differ") is False
    assert await second.fact("reference_files_differ") is True
    assert "reference data differ" in second.log.read_text(encoding="utf-8")
    output = await around.ntm("reference", "list", "--lang", "en", status=1)
    assert "ntm reference install" in output
    await install_first(around, read_files(other))
    await all_run_on(1, scoring, second)
    assert REASON in await around.ntm("reference", "list")
