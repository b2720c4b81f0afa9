"""Goals by year and by group of communes, and criteria sets that live side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.scoring.judging.aggregates import series
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.completeness import Expected
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.judge import Judge
from shared.contracts.status import Status
from shared.reference.load import InvalidReferenceError, Reference, load
from shared.reference.models import Unit
from tests.builders import poverty, readings
from tests.set_2026 import PLAN, reference_with_2026

MIDYEAR = date(2026, 6, 30)
GROUPS = {"06001": "group_1", "06004": "group_2", "06058": "group_3"}
"""Communes of July 2025; the first stands in two of the set's groups."""

SET = "criteria/ntm_2026.yaml"
GOALS = "criteria[0].indicators[0].goals"

Break = Callable[[str, str, str], InvalidReferenceError]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reference_with_2026(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def reference(directory: Path) -> Reference:
    return load(PLAN, directory)


@pytest.fixture
def breaking(tmp_path: Path) -> Break:
    """Replaces words of one file beside the set, loads it, and hands back the fault."""

    def load_broken(file: str, old: str, new: str) -> InvalidReferenceError:
        directory = reference_with_2026(tmp_path)
        path = directory / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InvalidReferenceError) as raised:
            load(PLAN, directory)
        return raised.value

    return load_broken


def commune(reference: Reference, code: str) -> Unit:
    unit = reference.units.find(code, MIDYEAR)
    assert unit is not None
    assert unit.kind == "commune"
    return unit


def goal(reference: Reference, code: str, year: int) -> Decimal:
    (indicator,) = reference.criterion("ntm_2026-1").indicators
    return reference.goal("ntm_2026-1", indicator, commune(reference, code), year).goal


def test_a_set_is_added_as_data_alone_beside_one_with_the_same_numbers(reference: Reference) -> None:
    assert {"ntm", "advanced", "ntm_2026"} <= set(reference.sets)
    assert reference.criterion("ntm-1").name != reference.criterion("ntm_2026-1").name
    assert (reference.set_of("ntm-10"), reference.set_of("ntm_2026-10")) == ("ntm", "ntm_2026")
    unit = commune(reference, "06001")
    assert reference.criteria_of(unit) == [f"ntm_2026-{number}" for number in range(1, 11)]


def test_each_group_of_communes_has_its_own_goal(reference: Reference) -> None:
    assert {code: goal(reference, code, 2026) for code in GROUPS} == {"06001": 5, "06004": 10, "06058": 15}


def test_a_commune_belongs_to_the_first_group_that_names_it(reference: Reference) -> None:
    found = {code: reference.commune_group("ntm_2026-1", commune(reference, code)) for code in GROUPS}
    assert found == GROUPS
    assert reference.commune_group("ntm-1", commune(reference, "06001")) is None


def test_a_goal_is_raised_from_year_to_year(reference: Reference) -> None:
    assert [goal(reference, "06001", year) for year in (2028, 2029, 2030)] == [5, 4, 4]
    assert [goal(reference, "06004", year) for year in (2028, 2029)] == [10, 10]


def test_what_the_set_does_not_say_is_not_guessed() -> None:
    packaged = load()
    (income,) = packaged.criterion("ntm-10").unjudged
    unit = packaged.units.find("06280", date(2023, 6, 30))
    assert unit is not None
    assert packaged.goal("ntm-10", income, unit, 2023).goal == 42
    with pytest.raises(LookupError, match="2024"):
        packaged.goal("ntm-10", income, unit, 2024)


@pytest.mark.parametrize(("code", "status"), [("06001", Status.NOT_MET), ("06004", Status.MET)])
def test_the_same_figure_is_judged_by_the_goal_of_the_communes_group(
    reference: Reference, code: str, status: Status
) -> None:
    figures = readings(*poverty("2026-05", 80))
    verdict = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm_2026-1", commune(reference, code), figures))
    assert verdict.status == status
    assert (verdict.parts[0].verified, verdict.parts[0].source) == (False, "Invented for a test")


def test_the_provinces_count_adds_up_over_the_groups(reference: Reference) -> None:
    (target,) = reference.plan.commitments
    communes = reference.units.communes(MIDYEAR, "20")
    assert len(communes) == 61
    steps = [Contributor(reference, unit, readings(*poverty("2026-05", 120))).increments(target) for unit in communes]
    total = {day: sum((one[day] for one in steps[1:]), steps[0][day]) for day in steps[0]}
    (seen,) = series(target, total, reference.plan.baseline_date, Expected(61, reference.plan.coverage))
    # 12 % is too much for the two that are asked for less
    assert seen.value == 59
    assert seen.units_counted == 61


def test_the_plans_paper_is_checked_against_its_own_reference_data(directory: Path) -> None:
    plan = str(directory / "plans" / f"{PLAN}.yaml")
    checked = CliRunner().invoke(app, ["plan", "check", plan, "--reference", str(directory)])
    assert (checked.exit_code, checked.output.strip()) == (0, "Không có phát hiện nào.")
    shown = CliRunner().invoke(app, ["plan", "show", plan, "--reference", str(directory), "--lang", "en"])
    assert "Group 2" in shown.output
    assert "advanced-11" not in shown.output


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "problem", "found"),
    [
        (SET, "from_year: 2029", "from_year: 2028", f"{GOALS}[1]", "two goals", "group_1 2028"),
        (SET, "from_year: 2029", "from_year: 2030", f"{GOALS}[1]", "no goal for the years between", "group_1 2029"),
        (SET, "{goal: 10, communes: group_2,", "{goal: 10,", f"{GOALS}[1]", "two goals", "group_1 2029"),
        (SET, "communes: group_2", "communes: group_4", f"{GOALS}[2].communes", "no such group", "group_4"),
        (SET, "from_year: 2029", "from_year: 2031", f"{GOALS}[1].from_year", "outside of the set's time", "2031"),
        (SET, "to_year: 2028", "to_year: 2025", f"{GOALS}[0].to_year", "outside of the set's time", "2025"),
        (SET, "goal: 10, ", "", f"{GOALS}[2].goal", "required field", ""),
        (SET, "goal: 75", "goal: many", "criteria[1].indicators[0].goal", "not a valid number", "many"),
        (SET, "[06001, 06004]", "[06001, 09999]", "commune_groups[1].units[1]", "no unit", "09999"),
        (SET, "id: group_2", "id: group_1", "commune_groups[1].id", "above already", "group_1"),
        (SET, "element: ntm_2026_r", "element: ntm_2027_r", "recognition.element", "no such", "ntm_2027_recognised"),
        (
            f"plans/{PLAN}.yaml",
            "[ntm_2026]",
            "[ntm_2026, advanced]",
            "criteria_sets[1]",
            "not for the year 2026",
            "advanced",
        ),
    ],
)
def test_a_fault_of_a_goal_names_its_line(
    breaking: Break, tmp_path: Path, file: str, old: str, new: str, field: str, problem: str, found: str
) -> None:
    fault = next(fault for fault in breaking(file, old, new).faults if fault.field == field)
    assert problem in fault.problem.en
    assert fault.found == found
    lines = (tmp_path / "reference" / file).read_text(encoding="utf-8").splitlines()
    stands_there = field.rpartition(".")[2].partition("[")[0]
    assert stands_there == "goals" or stands_there in "\n".join(lines[fault.line - 2 : fault.line])


def test_a_commune_that_is_in_no_group_is_a_fault_of_the_plan_that_would_judge_it(breaking: Break) -> None:
    (fault,) = breaking(SET, 'units: ["20"]', "units: [06058]").faults
    assert fault.field == "criteria_sets[0]"
    assert "indicator 1.1 has no goal in 2026 for" in fault.problem.en
