"""The packaged reference data, and the loader's faults of broken ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.status import Event
from shared.reference.load import (
    PACKAGED,
    InvalidReferenceError,
    load,
    load_contacts,
    load_file,
    load_for,
    load_plan,
    load_sample_cohorts,
    source_text,
    with_members,
)
from shared.reference.models import COMMUNE_LEVEL, CohortMeeting, CommunesMeeting, SampleCohorts
from shared.settings import Settings

REFERENCE = load()
PLAN = REFERENCE.plan

Break = Callable[[str, str, str], InvalidReferenceError]


@pytest.fixture
def breaking(tmp_path: Path) -> Break:
    """A function that replaces words in a file of a copy of the packaged data, loads the copy, returns the fault."""

    def load_broken(file: str, old: str, new: str) -> InvalidReferenceError:
        shutil.copytree(PACKAGED, tmp_path / "reference", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        path = tmp_path / "reference" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InvalidReferenceError) as raised:
            load(directory=tmp_path / "reference")
        return raised.value

    return load_broken


# --- the packaged data -------------------------------------------------------------------------------------


def test_the_baselines_of_the_plan_are_those_of_the_end_of_2022() -> None:
    baselines = {
        commitment.measure.criterion: (commitment.baseline, commitment.goal, commitment.out_of)
        for commitment in PLAN.commitments
        if isinstance(commitment.measure, CommunesMeeting)
    }
    assert baselines == {"ntm-11": (77, 87, 181), "ntm-12": (104, 124, 181), "ntm-14": (181, 181, 181)}
    assert (PLAN.baseline_date, PLAN.deadline) == (date(2022, 12, 31), date(2023, 12, 31))


def test_cohorts_name_only_what_is_known() -> None:
    cohorts = {cohort.id: (cohort.size, len(cohort.members), cohort.verified) for cohort in PLAN.cohorts}
    assert cohorts == {
        "ntm-2023": (10, 0, True),
        "advanced-2023": (5, 3, True),
        "border-2023": (20, 20, False),
        "poverty-2023": (10, 0, True),
        "labour-2023": (20, 0, True),
    }


def test_the_communes_that_the_plan_names_are_those_of_the_registry() -> None:
    names = [
        REFERENCE.units.find(code, PLAN.deadline)
        for cohort in PLAN.cohorts
        if cohort.id == "advanced-2023"
        for code in cohort.members
    ]
    assert [unit and unit.title for unit in names] == ["xã Điềm He", "xã Tân Văn", "xã Châu Sơn"]


def test_every_commitment_of_a_cohort_has_the_size_of_the_cohort_or_of_its_part_as_goal() -> None:
    sizes: dict[tuple[str, str | None], int] = {(cohort.id, None): cohort.size for cohort in PLAN.cohorts}
    sizes |= {(cohort.id, group): count for cohort in PLAN.cohorts for group, count in cohort.of_which.items()}
    goals = {
        (each.measure.cohort, each.measure.group): each.goal
        for each in PLAN.commitments
        if isinstance(each.measure, CohortMeeting)
    }
    promised = [
        ("ntm-2023", None),
        ("ntm-2023", "extremely_difficult"),
        ("advanced-2023", None),
    ]
    assert goals == {part: sizes[part] for part in promised}


def test_the_plan_has_its_basis_and_the_tasks_that_nothing_counts() -> None:
    (of_province, _) = PLAN.document.basis
    assert (of_province.number, of_province.dated) == ("18/KH-UBND", date(2023, 1, 18))
    duties = {duty.id: duty for duty in PLAN.duties}
    review, classes = duties["yearly-review"], duties["vocational-classes"]
    assert (review.roles, review.every, review.verified) == (["district_committee"], "year", True)
    assert (review.starts, review.ends) == (date(2023, 9, 1), date(2023, 12, 14))
    assert duties["job-placement"].roles == ["employment_service_centre"]
    assert classes.roles == ["district_committee", "district_office"]
    assert classes.together_with == ["agriculture_office", "commune_committee"]


def test_every_line_of_the_paper_that_gives_a_task_is_in_the_plan() -> None:
    told = {each.line for each in PLAN.commitments} | {each.line for each in PLAN.duties}
    told |= {each.line for each in PLAN.document.basis} | {each.line for each in PLAN.distribution}
    told |= {line for cohort in PLAN.cohorts for line in cohort.lines} | {role.line for role in PLAN.roles if role.line}
    silent = [
        number for number, text in enumerate(source_text(PLAN).split("\n"), 1) if len(text) > 100 and number not in told
    ]
    # the title, the requirements of the whole plan, two ties to the NTM programme, the end of line 81
    assert silent == [9, 23, 37, 73, 83]


def test_the_nineteen_criteria_are_there_and_two_of_the_advanced_set() -> None:
    ntm = [key for key in REFERENCE.criterion_keys if key.startswith("ntm-")]
    assert ntm == [f"ntm-{number}" for number in range(1, 20)]
    assert REFERENCE.criterion_keys[19:] == ("advanced-11", "advanced-12")
    assert REFERENCE.sets["ntm"].valid_to == date(2026, 2, 14)


def test_thresholds_that_are_general_knowledge_are_marked() -> None:
    levels = {
        (key, level.number): (goal.goal, goal.verified)
        for key in REFERENCE.criterion_keys
        for level in (*REFERENCE.criterion(key).indicators, *REFERENCE.criterion(key).unjudged)
        if level.measured_in != "yes_no"
        for goal in level.goals_in(PLAN.year)
    }
    assert levels == {
        ("ntm-4", "4.2"): (95, False),
        ("ntm-9", "9.2"): (75, False),
        ("ntm-10", "10"): (42, False),
        ("ntm-11", "11"): (13, False),
        ("ntm-12", "12.1"): (70, False),
        ("ntm-12", "12.2"): (20, False),
        ("ntm-14", "14.1a"): (98, True),
        ("ntm-14", "14.2"): (70, False),
        ("ntm-15", "15.1"): (90, False),
        ("advanced-11", "11"): (8, False),
        ("advanced-12", "12.1"): (75, False),
        ("advanced-12", "12.2"): (25, False),
    }


def test_the_labour_criterion_asks_for_men_and_women_each() -> None:
    for indicator in REFERENCE.criterion("ntm-12").indicators:
        assert [group.group for group in indicator.groups] == ["men", "women"]


def test_the_poverty_criterion_is_official_once_a_year() -> None:
    official = {key for key in REFERENCE.criterion_keys if REFERENCE.criterion(key).official == "year"}
    assert official == {"ntm-11", "advanced-11"}


def test_an_element_knows_the_criteria_that_are_judged_by_it() -> None:
    assert REFERENCE.criteria_of_element("poor_households") == ("ntm-11", "advanced-11")
    assert REFERENCE.criteria_of_element("recognised_07") == ("ntm-7",)
    assert REFERENCE.criteria_of_element("jobs_found") == ()
    assert REFERENCE.criteria_of_element("unheard_of") == ()


def test_flows_have_one_granularity_so_that_nothing_counts_twice() -> None:
    flows = {code: element.periods for code, element in REFERENCE.elements.items() if element.nature == "flow"}
    assert flows == {"jobs_found": ["month"], "gbv_cases": ["month"]}


def test_poverty_reports_fall_due_from_february_to_september() -> None:
    monthly = next(report for report in REFERENCE.calendar if report.id == "poverty-monthly")
    assert [month + monthly.due_months_later for month in monthly.months] == list(range(2, 10))
    assert monthly.due_day == 5


def test_a_report_knows_its_periods_and_their_days() -> None:
    days = {
        report.id: [(period.text, report.due_day_of(period)) for period in report.periods_of(2023)][-1]
        for report in REFERENCE.calendar
    }
    assert days == {
        "poverty-monthly": ("2023-08", date(2023, 9, 5)),
        "poverty-preliminary": ("2023-10", date(2023, 11, 14)),
        "poverty-official": ("2023", date(2023, 12, 19)),
        "labour-quarterly": ("2023-Q4", date(2024, 1, 10)),
        "education-half-yearly": ("2023-H2", date(2024, 1, 10)),
        "jobs-monthly": ("2023-12", date(2024, 1, 5)),
        "gender-violence-monthly": ("2023-12", date(2024, 1, 5)),
        "entitlements-quarterly": ("2023-Q4", date(2024, 1, 10)),
    }


def test_every_count_has_a_limit_of_change_and_none_was_read_in_a_source() -> None:
    limited = {code for change in REFERENCE.plausible_changes for code in change.elements}
    assert limited == {code for code, element in REFERENCE.elements.items() if element.type != "yes_no"}
    assert not any(change.verified for change in REFERENCE.plausible_changes)


def test_the_year_is_official_for_what_the_poverty_review_counts() -> None:
    june = Period.parse("2023-06")
    assert REFERENCE.official_period("poor_households", june) == Period.parse("2023")
    assert REFERENCE.official_period("poor_households", Period.parse("2023")) is None
    assert REFERENCE.official_period("workers_men", june) is None


def test_a_calendar_report_asks_for_what_its_criteria_are_judged_by() -> None:
    asked = {
        (code, text): [report.id for report in REFERENCE.reports_of(code, Period.parse(text))]
        for code, text in (("households", "2023-06"), ("households", "2023-09"), ("trained_men", "2023-Q2"))
    }
    assert asked == {
        ("households", "2023-06"): ["poverty-monthly"],
        ("households", "2023-09"): [],
        ("trained_men", "2023-Q2"): ["labour-quarterly"],
    }


def test_nobody_is_told_of_first_data() -> None:
    assert set(Event) - set(PLAN.routing.match.events or ()) == {Event.FIRST_DATA, Event.CHANGED}


def test_the_source_is_the_plans_paper() -> None:
    lines = source_text(PLAN).split("\n")
    assert len(lines) == 143
    assert lines[142] == "Phạm Đức Huân"


# --- faults ------------------------------------------------------------------------------------------------


PLAN_FILE = "plans/lang-son-2023.yaml"
CLIMBS = "routing.branches[0].escalate[1]"
OF_TARGETS = "{on: target, events: [fell_behind, missed, lost]}"
BRANCH = "routing.branches[3].match"
OFFICIAL = "routing.branches[5].branches[1].match"
VARIANT = "criteria[10].indicators[0].variants[0]"
MEASURE = "criteria[0].indicators[0].groups[0].measure"


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "found"),
    [
        (PLAN_FILE, "goal: 1000", "goal: ten", "commitments[7].goal", "ten"),
        (PLAN_FILE, "signed_by", "signd_by", "document.signd_by", "Phạm Đức Huân"),
        (PLAN_FILE, 'unit: "20"', "unit: 20", "unit", "20"),
        (PLAN_FILE, "deadline: 2023-06-30", "deadline: June", "commitments[14].deadline", "June"),
        (PLAN_FILE, "kind: total", "kind: sum", "commitments[7].measure", "…"),
        (PLAN_FILE, "ntm-14}", "ntm-41}", "commitments[10].measure.criterion", "ntm-41"),
        (PLAN_FILE, "[jobs_found]", "[jobs_fond]", "commitments[7].measure.elements[0]", "jobs_fond"),
        (PLAN_FILE, "cohort: border-2023", "cohort: border", "commitments[3].measure.cohort", "border"),
        (
            PLAN_FILE,
            "of_which: {extremely_difficult: 4}",
            "of_which: {difficult: 4}",
            "cohorts[0].of_which.difficult",
            "difficult",
        ),
        (
            PLAN_FILE,
            "{extremely_difficult: 4}",
            "{extremely_difficult: 11}",
            "cohorts[0].of_which.extremely_difficult",
            "11",
        ),
        (PLAN_FILE, "group: extremely_difficult", "group: difficult", "commitments[1].measure.group", "difficult"),
        (
            PLAN_FILE,
            "id: coverage-credit\n    like: coverage-health",
            "id: coverage-credit\n    like: coverage-housing",
            "commitments[18].like",
            "coverage-housing",
        ),
        (
            PLAN_FILE,
            "roles: [employment_service_centre]",
            "roles: [service_centre]",
            "duties[7].roles[0]",
            "service_centre",
        ),
        (PLAN_FILE, "ends: 2023-12-14", "ends: 2023-08-14", "duties[24].ends", "2023-08-14"),
        (
            PLAN_FILE,
            "hides: {on: target, events: [overdue], commitments: [gender-violence]}",
            "hides: {on: target, events: [overdue], commitments: [gender]}",
            "inhibitions[4].hides.commitments[0]",
            "gender",
        ),
        ("groups.yaml", "ends_with: ntm", "ends_with: ntn", "groups[0].ends_with", "ntn"),
        ("groups.yaml", "units: []", 'units: ["06088", "99999"]', "groups[0].lists[0].units[1]", "99999"),
        ("groups.yaml", "units: []", 'units: ["06088", "06088"]', "groups[0].lists[0].units[1]", "06088"),
        ("groups.yaml", "units: []", 'units: ["181"]', "groups[0].lists[0].units[0]", "181"),
        ("groups.yaml", "valid_to: 2025-12-31", "valid_to: 2020-12-31", "groups[0].lists[0].valid_to", "2020-12-31"),
        (PLAN_FILE, "[labour_division]", "[labor_division]", "commitments[7].responsible[0]", "labor_division"),
        (PLAN_FILE, "to: [criterion_owner]", "to: [owner]", "routing.branches[1].to[0]", "owner"),
        (PLAN_FILE, '"06637"]', '"06638"]', "cohorts[1].members[2]", "06638"),
        (PLAN_FILE, '"06637"]', '"06253"]', "cohorts[1].members[2]", "06253"),
        (PLAN_FILE, '"06637"]', '"06280"]', "cohorts[1].members", "06280"),
        (PLAN_FILE, "size: 5", "size: 2", "cohorts[1].members", "3"),
        (PLAN_FILE, '["181", "184"]', '["181", "199"]', "commitments[5].units[1]", "199"),
        (PLAN_FILE, "id: new-jobs", "id: poverty-rate", "commitments[7].id", "poverty-rate"),
        (PLAN_FILE, "[ntm, advanced]", "[ntm, advancd]", "criteria_sets[1]", "advancd"),
        (PLAN_FILE, "instrument: gender-strategy", "instrument: x", "stated_spans[2].instrument", "x"),
        (PLAN_FILE, "id: status-owner", "id: status-district", "routing.branches[1].id", "status-district"),
        (
            PLAN_FILE,
            OF_TARGETS,
            OF_TARGETS.replace("lost]", "lost], criteria: [ntm-99]"),
            f"{BRANCH}.criteria[0]",
            "ntm-99",
        ),
        (PLAN_FILE, "[poverty-official]", "[poverty-offical]", f"{OFFICIAL}.reports[0]", "poverty-offical"),
        (PLAN_FILE, OF_TARGETS, "{on: target, events: [problem_closed]}", BRANCH, "target-owner"),
        (PLAN_FILE, "10, to: [coordination_office]", "10, to: [district_office]", f"{CLIMBS}.to[0]", "district_office"),
        (
            PLAN_FILE,
            "10, to: [coordination_office]",
            "3, to: [coordination_office]",
            f"{CLIMBS}.after_working_days",
            "3",
        ),
        (PLAN_FILE, "passes_to: home_affairs", "passes_to: home", "roles[1].passes_to", "home"),
        (PLAN_FILE, "valid_to: 2025-02-28", "valid_to: 2025-02-27", "roles[0].passes_to", "agriculture_environment"),
        (
            PLAN_FILE,
            "valid_to: 2025-06-30\n    passes_to: commune_office",
            "valid_from: 2025-07-01\n    valid_to: 2025-06-30\n    passes_to: commune_office",
            "roles[10].valid_to",
            "2025-06-30",
        ),
        (PLAN_FILE, "year: 2023\n", "year: 2023\nyear: 2023\n", "year", ""),
        (PLAN_FILE, "deadline: 2023-12-31", "deadline: 2023-13-31", "deadline", ""),
        (
            PLAN_FILE,
            "[verified]}, to: [district_committee]",
            "[verified]}, to: [x]",
            "dossier_routing.branches[1].to[0]",
            "x",
        ),
        (PLAN_FILE, "id: dossier\n", "id: plan\n", "dossier_routing.id", "plan"),
        ("calendar.yaml", "step: verified", "step: appraised", "dossier[2].step", "appraised"),
        ("criteria/advanced.yaml", "after: ntm", "after: nmt", "recognition.after", "nmt"),
        ("elements.yaml", "advanced-11]", "advanced-99]", "elements[0].criteria[1]", "advanced-99"),
        ("elements.yaml", "code: near_poor_households", "code: households", "elements[2].code", "households"),
        ("elements.yaml", "maximum: 20000", "maximum: many", "elements[0].maximum", "many"),
        ("elements.yaml", "whole: households", "whole: homes", "sum_rules[0].whole", "homes"),
        ("elements.yaml", "[poor_households, near", "[poor_homes, near", "breaks[0].elements[0]", "poor_homes"),
        (
            "elements.yaml",
            "[poor_households, near",
            "[near_poor_households, near",
            "breaks[0].elements[1]",
            "near_poor_households",
        ),
        (
            "elements.yaml",
            "poor_households_reached_nutrition]\n    valid_from: 2027-01-01",
            "gbv_cases]\n    valid_from: 2027-01-15",
            "breaks[0].valid_from",
            "2027-01-15",
        ),
        (
            "criteria/ntm.yaml",
            "numerator_less: [poor_",
            "numerator_less: [pure_",
            f"{VARIANT}.measure.numerator_less[0]",
            "pure_households_without_work_capacity",
        ),
        (
            "criteria/ntm.yaml",
            "id: without_capacity_left_out",
            "id: all_households",
            "criteria[10].indicators[0].variants[1].id",
            "all_households",
        ),
        (PLAN_FILE, "criteria_sets:", "formulas: {ntm-11: as_ever}\ncriteria_sets:", "formulas.ntm-11", "as_ever"),
        (PLAN_FILE, "criteria_sets:", "formulas: {ntm-99: x}\ncriteria_sets:", "formulas", "ntm-99"),
        (PLAN_FILE, "formula_of: ntm-11", "formula_of: ntm-1", "commitments[4].measure.formula_of", "ntm-1"),
        (
            PLAN_FILE,
            "formula_of: ntm-11",
            "formula_of: ntm-11\n      numerator: [households]",
            "commitments[4].measure.numerator",
            "numerator",
        ),
        ("elements.yaml", "[households]", "[homes]", "plausible_changes[0].elements[0]", "homes"),
        ("elements.yaml", "[households]", "[recognised_01]", "plausible_changes[0].elements[0]", "recognised_01"),
        ("calendar.yaml", "elements: [jobs_found]", "elements: [jobs_fond]", "reports[5].elements[0]", "jobs_fond"),
        (
            "calendar.yaml",
            "elements: [gbv_cases]\n    reported_by: [district, city]",
            "elements: [gbv_cases]\n    reported_by: [province]",
            "reports[6].elements[0]",
            "gbv_cases",
        ),
        ("calendar.yaml", "id: jobs-monthly", "id: jobs-monthly\n    criteria: [ntm-12]", "reports[5]", "jobs-monthly"),
        ("elements.yaml", "[jobs_found]", "[gbv_cases]", "plausible_changes[6].elements[0]", "gbv_cases"),
        ("elements.yaml", "share_percent: 10\n", "share_percent: 0\n", "plausible_changes[0].share_percent", "0"),
        ("elements.yaml", "periods: [month]", "periods: [month, year]", "elements[35].periods", "month, year"),
        ("criteria/ntm.yaml", "element: recognised_01", "element: recognized_01", MEASURE, "recognized_01"),
        ("criteria/ntm.yaml", "element: recognised_01", "element: households", MEASURE, "households"),
        ("criteria/ntm.yaml", "{element: recognised_01}", "{numerator: []}", f"{MEASURE}.numerator", "…"),
        ("criteria/ntm.yaml", "[10, 17, 19]", "[10, 17, 29]", "recognition.withdrawal.key_criteria.numbers[2]", "29"),
        ("calendar.yaml", "months: [10]", "months: [13]", "reports[1].months[0]", "13"),
        ("calendar.yaml", "quarter, month, day]", "quarter, month]", "openings", "day"),
        ("calendar.yaml", "quarter, month, day]", "quarter, day, day]", "openings", "month"),
        ("calendar.yaml", "criteria: [ntm-14]", "criteria: [ntm-44]", "reports[4].criteria[0]", "ntm-44"),
        ("units.csv", "101,05971,", "101,5971,", "rows[12].code", "5971"),
        ("units.csv", "102,05974,", "102,05971,", "rows[13].code", "05971"),
        ("units.csv", "102,05974,", "101,05974,", "rows[13].key", "101"),
        ("units.csv", "Tam Thanh,ward,11,", "Tam Thanh,ward,99,", "rows[13].parent", "99"),
        ("units.csv", "102,05974,", "102,05974,,", "rows[13]", ""),
        ("successions.csv", "101,524,", "101,999,", "rows[0].new", "999"),
        ("successions.csv", "101,524,", "101,102,", "rows[0].new", "102"),
        ("tiles.yaml", "unit: 102, at: [10, 15]", "unit: 102, at: [10, 14]", "tiles[1].at", "10, 14"),
        ("tiles.yaml", "unit: 102, at", "unit: 101, at", "tiles[1].unit", "101"),
        ("tiles.yaml", "unit: 102, at", "unit: 999, at", "tiles[1].unit", "999"),
        ("tiles.yaml", "unit: 102, at: [10, 15]", "unit: 102, at: [10, -1]", "tiles[1].at[1]", "-1"),
    ],
)
def test_a_fault_names_file_line_field_value_and_remedy(
    breaking: Break, tmp_path: Path, file: str, old: str, new: str, field: str, found: str
) -> None:
    error = breaking(file, old, new)
    fault = next(fault for fault in error.faults if fault.field == field)
    path = tmp_path / "reference" / file
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (fault.file, fault.found) == (path, found)
    assert new.strip().splitlines()[-1] in "\n".join(lines[max(0, fault.line - 2) : fault.line + 1])
    assert fault.problem.vi
    assert fault.remedy.en
    assert f"{path}:{fault.line}: {field}: " in str(error)


def test_each_packaged_unit_below_the_districts_has_a_tile_and_another_one_may_have_none(tmp_path: Path) -> None:
    reference = load()
    units = {unit.key for unit in reference.units if unit.kind in COMMUNE_LEVEL}
    assert reference.tiles
    assert {tile.unit for tile in reference.tiles.tiles} == units
    copy = tmp_path / "reference"
    shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (copy / "units.csv").open("a", encoding="utf-8") as file:
        file.write("9001,99001,Xã Mới,commune,16,2020-01-01,2025-06-30\n")
    assert load(directory=copy).tiles == reference.tiles


@pytest.mark.parametrize(
    ("old", "new", "field", "found"),
    [
        (
            "continue: true\n      to: [criterion_owner]",
            "to: [criterion_owner]",
            "routing.branches[2].match",
            "status-missed",
        ),
        ("channels: [email]\n  group", "group", "routing.channels", ""),
        (
            "hides: {on: status, events: [overdue]}",
            "hides: {on: problem, events: [met]}",
            "inhibitions[2].hides",
            "disaster-hides-missing-reports",
        ),
    ],
    ids=["a branch above takes all of it", "no channels", "nothing can be so"],
)
def test_a_routing_tree_in_which_something_can_never_happen_is_a_fault(
    breaking: Break, old: str, new: str, field: str, found: str
) -> None:
    fault = next(fault for fault in breaking(PLAN_FILE, old, new).faults if fault.field == field)
    assert fault.found == found
    assert fault.remedy.vi


def test_a_missing_field_is_told_where_its_parent_stands(breaking: Break) -> None:
    (fault,) = breaking(PLAN_FILE, "  signed_by: Phạm Đức Huân\n", "").faults
    assert (fault.field, fault.line) == ("document.signed_by", 5)
    assert fault.problem == Bilingual(vi="thiếu trường bắt buộc", en="a required field is missing")


def test_all_faults_of_a_file_are_told_at_once(breaking: Break) -> None:
    error = breaking(PLAN_FILE, 'year: 2023\nunit: "20"', 'year: soon\nunit: "2"\nunits: 3')
    assert [fault.field for fault in error.faults] == ["year", "unit", "units"]


def test_broken_yaml_is_told_with_its_line(breaking: Break) -> None:
    (fault,) = breaking("elements.yaml", "\nelements:", "\nelements: [\n").faults
    assert fault.line > 1
    assert "YAML" in fault.problem.en


def test_a_misspelled_name_is_answered_with_the_nearest(breaking: Break) -> None:
    (fault,) = breaking(
        "plans/lang-son-2023.yaml", "element: trusted_addresses_kept", "element: trusted_adresses"
    ).faults
    assert "trusted_addresses_kept" in fault.remedy.en


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        (
            "{kind: rate, numerator: [trained_men], denominator: [workers_men], counted_in: [town]}",
            "not counted in a town",
        ),
        ("{kind: total, elements: [jobs_found], counted_in: [commune, ward]}", "not counted in a ward"),
        ("{kind: total, elements: [jobs_found], counted_in: [district]}", "count in any case"),
    ],
)
def test_a_measure_counts_only_where_its_elements_are_counted(breaking: Break, measure: str, problem: str) -> None:
    was = "{kind: total, elements: [jobs_found], counted_in: [commune]}"
    faults = breaking("plans/lang-son-2023.yaml", was, measure).faults
    (fault,) = (fault for fault in faults if fault.field.endswith(".measure.counted_in"))
    assert problem in fault.problem.en


def test_a_file_that_is_not_there_or_not_text_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InvalidReferenceError, match="no such file"):
        load_plan(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidReferenceError, match="cannot be read"):
        load_plan(tmp_path / "binary.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(InvalidReferenceError):
        load_plan(tmp_path / "empty.yaml")


def test_a_code_without_quotation_marks_stays_a_code(tmp_path: Path) -> None:
    copy = tmp_path / "plan.yaml"
    text = (PACKAGED / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
    copy.write_text(text.replace('["06280", "06121", "06637"]', "[06280, 06121, 06637]"), encoding="utf-8")
    assert load_file(copy).plan == PLAN


# --- contacts and sample cohorts ---------------------------------------------------------------------------


def test_contacts_are_read(tmp_path: Path) -> None:
    file = tmp_path / "contacts.yaml"
    file.write_text(
        "contacts:\n"
        "  - {role: district_office, unit: '184', name: Phòng LĐTBXH, emails: [vq@example.vn], sample: true}\n",
        encoding="utf-8",
    )
    (contact,) = load_contacts(file)
    assert contact.recipient == "district_office@184"


def test_sample_members_fill_a_cohort_and_mark_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text("members:\n  advanced-2023: ['06004', '06025']\n", encoding="utf-8")
    plan = with_members(PLAN, load_sample_cohorts(file))
    assert plan.sample
    members = next(cohort.members for cohort in plan.cohorts if cohort.id == "advanced-2023")
    assert members == ["06280", "06121", "06637", "06004", "06025"]
    assert not PLAN.sample


@pytest.mark.parametrize(
    ("members", "field", "problem"),
    [
        ({"advanced-2023": ["06004", "06025", "06028"]}, "members.advanced-2023", "only 5 communes"),
        ({"ntm-2023": ["06253"]}, "members.ntm-2023[0]", "not the code of a commune"),
        ({"ntm-2023": ["99999"]}, "members.ntm-2023[0]", "not the code of a commune"),
        ({"advanced-2023": ["06280"]}, "members.advanced-2023", "in the cohort already"),
        ({"ntm": ["06004"]}, "members.ntm", "no such cohort"),
    ],
)
def test_sample_members_that_cannot_be_are_faults(members: dict[str, list[str]], field: str, problem: str) -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        with_members(PLAN, SampleCohorts(members=members))
    (fault,) = raised.value.faults
    assert fault.field == field
    assert problem in fault.problem.en


def test_settings_choose_plan_and_sample(tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text("members:\n  ntm-2023: ['06004']\n  labour-2023: ['06004', 06253]\n", encoding="utf-8")
    settings = Settings(database_url="postgresql+asyncpg://x", sample_cohorts=file)
    with pytest.raises(InvalidReferenceError) as raised:
        load_for(settings)
    (fault,) = raised.value.faults
    assert (fault.file, fault.line, fault.found) == (file, 3, "06253")
    file.write_text("members:\n  ntm-2023: ['06004']\n", encoding="utf-8")
    assert load_for(settings).references[0].plan.sample
    assert list(load_for(Settings(database_url="postgresql+asyncpg://x"))) == [REFERENCE]


def test_the_tolerance_is_a_tenth() -> None:
    assert PLAN.tolerance == Decimal("0.10")


def test_a_plan_is_not_closed_before_its_deadline(breaking: Break) -> None:
    (fault,) = breaking("plans/lang-son-2023.yaml", "closes: 2024-01-31", "closes: 2023-11-30").faults
    assert (fault.field, fault.found) == ("closes", "2023-11-30")
    assert "2023-12-31" in fault.problem.vi
