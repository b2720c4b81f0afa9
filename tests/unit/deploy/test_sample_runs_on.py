"""The sample's run into 2024: its plan is marked as sample throughout, and its reports follow those of the year."""

from __future__ import annotations

import socket
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.sample import (
    CONTACTS,
    LAST_DAY,
    LATEST_DAY,
    SAMPLE_COHORTS,
    SEED,
    next_reference,
    references,
    sample_reference,
    write_reference,
)
from deploy.local.sample.posts import Submission
from deploy.local.sample.year import plan_year
from services.cli.main import app
from shared.contracts.period import Period
from shared.reference.load import PACKAGED, load_contacts, load_for, source_text
from shared.reference.models import Cohort, Commitment, RoleHolder
from shared.reference.plan_check import check
from shared.settings import Settings

PLAN = next_reference().plan
MARKS = ("dữ liệu mẫu", "sample data")


def submissions(seed: int = SEED, until: date = LATEST_DAY) -> list[tuple[date, Submission]]:
    year = plan_year(sample_reference(), seed, until)
    return [(day.on, each) for day in year if day.on > LAST_DAY for post in day.posts for each in post.submissions]


def test_the_plan_is_marked_as_sample_wherever_it_states_something() -> None:
    assert PLAN.sample
    assert all(mark in PLAN.document.title.lower() for mark in MARKS)
    stated: list[RoleHolder | Cohort | Commitment] = [*PLAN.roles, *PLAN.cohorts, *PLAN.commitments]
    assert {each.verified for each in stated} == {False}
    assert all(mark in (each.source or "").lower() for each in stated for mark in MARKS)
    for names in (*(cohort.name for cohort in PLAN.cohorts), *(each.title for each in PLAN.commitments)):
        assert (names.vi.startswith("Dữ liệu mẫu"), names.en.startswith("Sample data")) == (True, True)
    assert all("dữ liệu mẫu" in line.lower() for line in source_text(PLAN, paper()).splitlines())


def paper() -> Path:
    return SAMPLE_COHORTS.parent / f"{PLAN.id}.yaml"


def test_its_paper_has_no_errors() -> None:
    findings = check(PLAN, source_text(PLAN, paper()), next_reference())
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_it_shares_no_cohort_or_commitment_with_2023_and_lies_apart_from_the_reference_data() -> None:
    former = sample_reference().plan
    assert {one.id for one in former.cohorts}.isdisjoint(one.id for one in PLAN.cohorts)
    assert {one.id for one in former.commitments}.isdisjoint(one.id for one in PLAN.commitments)
    assert "sample" not in {part for file in (PACKAGED / "plans").iterdir() for part in file.stem.split("-")}
    held = {contact.role for contact in load_contacts(CONTACTS)}
    assert {holder.role for holder in PLAN.roles} <= held


def test_the_directory_has_both_plans_and_each_keeps_its_own_members(tmp_path: Path) -> None:
    directory = write_reference(tmp_path / "reference")
    (directory / "plans" / "stale.yaml").touch()
    settings = Settings(
        database_url="postgresql+asyncpg://x", reference_dir=write_reference(directory), sample_cohorts=SAMPLE_COHORTS
    )
    plans = load_for(settings)
    assert [reference.plan for reference in plans] == [reference.plan for reference in references(LATEST_DAY)]
    assert [plans.in_force(on).plan.year for on in (date(2023, 12, 31), date(2024, 1, 1))] == [2023, 2024]
    assert references(LAST_DAY) == [sample_reference()]


@pytest.mark.parametrize("seed", [SEED, 7])
def test_the_year_stays_as_it_is_and_a_seed_gives_the_same_months_after_it(seed: int) -> None:
    alone, longer = (plan_year(sample_reference(), seed, until) for until in (LAST_DAY, LATEST_DAY))
    assert longer[: len(alone)] == alone
    assert (longer[-1].on, submissions(seed)) == (LATEST_DAY, submissions(seed))
    assert submissions(seed) != submissions(seed + 1)


def test_the_reports_of_2024_are_those_that_the_calendar_asks_for_and_come_in_time() -> None:
    sent = submissions()
    periods = [(on, Period.parse(str(each["period"])), each) for on, each in sent]
    assert {period.text for _, period, _ in periods} == {"2024-01", "2024-02", "2024-03", "2024-Q1"}
    units = sample_reference().units
    first, counted = PLAN.first_day, ("commune", "ward", "town")
    for report in next_reference().calendar:
        for due in report.due_in(2024):
            if due.by > LATEST_DAY or not report.criteria:
                continue
            element = "poor_households" if "ntm-11" in report.criteria else "trained_men"
            kinds = counted if element == "poor_households" else ("commune",)
            in_time = [each for on, period, each in periods if period == due.period and on <= due.by]
            came = {each["unit"] for each in in_time if has(each, element)}
            assert came == {unit.code for unit in units.communes(first, PLAN.unit, kinds)}
    assert all(on > period.end for on, period, _ in periods)


def has(submission: Submission, element: str) -> bool:
    readings: Any = submission["readings"]
    return element in readings


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sample", "--until", "2024-02-01"], "from 2 February 2024 to 30 April 2024"),
        (["--sample", "--until", "2025-01-01"], "from 2 February 2024 to 30 April 2024"),
        (["--empty", "--until", "2024-03-31"], "give --sample"),
    ],
)
def test_a_day_to_which_the_sample_cannot_run_is_refused(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["up", *arguments, "--data", str(tmp_path / "data")])
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
    assert not (tmp_path / "data").exists()


def test_a_directory_keeps_to_the_day_of_its_first_start(tmp_path: Path) -> None:
    (tmp_path / "kind.json").write_text('{"sample": true, "begins": "2023-01-01"}')
    result = CliRunner().invoke(app, ["up", "--sample", "--until", "2024-03-31", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds the sample until 1 February 2024" in " ".join(result.output.split())


def test_a_first_start_that_fails_binds_the_directory_to_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = min(taken.getsockname()[1], 65_531)
        first = CliRunner().invoke(app, ["up", "--empty", "--data", str(data), "--ports-from", str(port)])
    assert first.exit_code == 1
    assert not (data / "kind.json").exists()
