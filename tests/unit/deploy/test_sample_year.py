"""The sample year, judged by the pure parts of intake and scoring as the services would judge it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from deploy.local.sample import CONTACTS, FIRST_DAY, LAST_DAY, SEED, sample_reference
from deploy.local.sample.play import ARRAY_LIMIT
from deploy.local.sample.posts import PROVINCE_AGENCY, Day, agency_of
from deploy.local.sample.year import plan_year
from services.intake import rules
from services.intake.rules.standing_figures import StandingFigures
from services.scoring.judging.assessments import explain_criterion, explain_target
from services.scoring.judging.changes import PreviousVerdict, events
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.status import Event, Status
from shared.contracts.submission import Submission
from shared.reference.load import Reference, load, load_contacts
from shared.time import VIETNAM


@pytest.fixture(scope="module")
def reference() -> Reference:
    return sample_reference()


@pytest.fixture(scope="module")
def year(reference: Reference) -> list[Day]:
    return plan_year(reference, SEED)


@dataclass
class Played:
    """The verdicts that scoring would reach in the year."""

    reference: Reference
    readings: dict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    before: dict[tuple[str, str], PreviousVerdict] = field(default_factory=dict)
    holds_until: dict[tuple[str, str], date | None] = field(default_factory=dict)
    events: list[tuple[date, str, str, Event, Status, Status]] = field(default_factory=list)

    def play(self, year: list[Day]) -> Played:
        for day in year:
            ended = [key for key, end in self.holds_until.items() if end is not None and end < day.on]
            for unit, criterion in ended:
                self._judge(unit, criterion, day.on)
            for post in day.posts:
                for number, submission in enumerate(post.submissions):
                    self._take(Submission.model_validate(submission), f"{day.on}/{post.agency}/{number}", day.on)
        return self

    def _take(self, submission: Submission, name: str, on: date) -> None:
        arriving = [
            Reading(
                element,
                submission.period,
                Decimal(str(int(value))),
                submission.stage,
                submission.revision,
                datetime(on.year, on.month, on.day, 9, tzinfo=VIETNAM),
                on,
                uuid5(NAMESPACE_URL, name),
            )
            for element, value in submission.readings.items()
        ]
        self.readings[submission.unit] = merge(self.readings[submission.unit], arriving)
        unit = self.reference.units.find(submission.unit, on)
        assert unit is not None
        if unit.kind in self.reference.plan.counted_kinds:
            touched = {key for element in submission.readings for key in self.reference.criteria_of_element(element)}
            for criterion in touched.intersection(self.reference.criteria_of(unit)):
                self._judge(unit.code, criterion, on)

    def _judge(self, code: str, criterion: str, on: date) -> None:
        unit = self.reference.units.find(code, on)
        assert unit is not None
        assessment = explain_criterion(Judge(self.reference, on).criterion(criterion, unit, self.readings[code]))
        before = self.before.get((code, criterion), PreviousVerdict())
        for event in events(before, assessment.status, assessment.overdue):
            self.events.append((on, code, criterion, event, before.status, assessment.status))
        self.before[code, criterion] = PreviousVerdict(assessment.status, frozenset(assessment.overdue))
        self.holds_until[code, criterion] = assessment.holds_until

    def meeting(self, criterion: str, on: date) -> int:
        units = self.reference.units
        return sum(
            explain_criterion(Judge(self.reference, on).criterion(criterion, unit, self.readings[unit.code])).status
            == Status.MET
            for unit in units.communes(on, self.reference.plan.unit)
        )

    def target(self, commitment_id: str, unit: str, on: date) -> tuple[Status, float | None]:
        reference = self.reference
        commitment = next(one for one in reference.plan.commitments if one.id == commitment_id)
        target = reference.units.find(unit, on)
        assert target is not None
        steps: defaultdict[date, Increment] = defaultdict(Increment)
        for code, readings in self.readings.items():
            place = reference.units.find(code, on)
            assert place is not None
            if reference.contributes(place, commitment, target):
                for day, step in Contributor(reference, place, readings).increments(commitment).items():
                    steps[day] += step
        judge = Judge(reference, on)
        seen = judge.observations_of(commitment, target, steps)
        [part] = explain_target(commitment, judge.target(commitment, seen)).parts
        return part.status, part.value


@pytest.fixture(scope="module")
def played(reference: Reference, year: list[Day]) -> Played:
    return Played(reference).play(year)


def submissions(year: list[Day]) -> Iterator[tuple[Day, str, Submission]]:
    for day in year:
        for post in day.posts:
            for submission in post.submissions:
                yield day, post.agency, Submission.model_validate(submission)


def test_the_invented_members_fill_the_cohorts_that_the_plan_leaves_unnamed(reference: Reference) -> None:
    assert reference.plan.sample
    assert all(len(cohort.members) == cohort.size for cohort in reference.plan.cohorts)
    named = {cohort.id: set(cohort.members) for cohort in load().plan.cohorts}
    assert all(named[cohort.id] <= set(cohort.members) for cohort in reference.plan.cohorts)
    parts = {(cohort.id, group): count for cohort in reference.plan.cohorts for group, count in cohort.of_which.items()}
    assert parts == {("ntm-2023", "extremely_difficult"): 4}
    assert all(len(reference.members_of(*part)) == count for part, count in parts.items())
    assert load().members_of("ntm-2023", "extremely_difficult") == frozenset()


def test_every_role_that_is_told_has_a_contact_in_every_unit_that_reaches_nobody(reference: Reference) -> None:
    contacts = load_contacts(CONTACTS)
    districts = {reference.units.district(one) for one in reference.units.communes(FIRST_DAY, "20")}
    places = {"province": ["20"], "district": [unit.code for unit in districts if unit]}
    told = {role for entry in reference.plan.distribution for role in entry.roles} | {"education_sector"}
    held = [role for role in reference.plan.roles if role.role in told]
    wanted = {f"{role.role}@{unit}" for role in held for unit in places[role.level]}
    assert sorted(contact.recipient for contact in contacts) == sorted(wanted)
    assert all(contact.sample for contact in contacts)
    assert all(email.endswith("@langson.example") for contact in contacts for email in contact.emails)
    phones = [phone for contact in contacts for phone in contact.phones]
    assert len(set(phones)) == len(contacts)
    assert all(re.fullmatch(r"\+8490000\d{4}", phone) for phone in phones)


def test_the_baselines_are_the_plans(played: Played) -> None:
    end_of_2022 = played.reference.plan.baseline_date
    assert [played.meeting(key, end_of_2022) for key in ("ntm-11", "ntm-12", "ntm-14")] == [77, 104, 181]
    status, rate = played.target("poverty-rate", "20", end_of_2022)
    assert status == Status.ON_TRACK
    assert rate == pytest.approx(18.6, abs=1)
    assert all(played.target("poverty-rate-poor-districts", unit, end_of_2022)[1] > rate for unit in ("181", "184"))


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_begins_with_the_plans_baselines(reference: Reference, seed: int) -> None:
    first = plan_year(reference, seed)[:1]
    played = Played(reference).play(first)
    baselines = [played.meeting(key, reference.plan.baseline_date) for key in ("ntm-11", "ntm-12", "ntm-14")]
    assert baselines == [77, 104, 181]


def test_who_is_to_gain_a_criterion_lacks_it_at_the_end_of_2022(played: Played) -> None:
    plan, units = played.reference.plan, played.reference.units
    for name, key in (("poverty-2023", "ntm-11"), ("labour-2023", "ntm-12")):
        [cohort] = [cohort for cohort in plan.cohorts if cohort.id == name]
        for code in cohort.members:
            unit = units.find(code, plan.baseline_date)
            assert unit
            before = explain_criterion(
                Judge(played.reference, plan.baseline_date).criterion(key, unit, played.readings[code])
            )
            assert before.status != Status.MET, code


def test_every_commitment_gets_figures(played: Played) -> None:
    for commitment in played.reference.plan.commitments:
        for unit in commitment.units:
            assert played.target(commitment.id, unit, LAST_DAY)[1] is not None, commitment.id


def test_the_year_reaches_some_commitments_and_misses_others(played: Played) -> None:
    ends = {
        (commitment.id, unit): played.target(commitment.id, unit, LAST_DAY)
        for commitment in played.reference.plan.commitments
        for unit in commitment.units
    }
    assert {status for status, _ in ends.values()} == {Status.MET, Status.MISSED}
    assert ends["poverty-communes", "20"] == (Status.MET, 88)
    assert ends["labour-communes", "20"] == (Status.MISSED, 122)
    assert ends["education-communes", "20"] == (Status.MET, 181)
    assert ends["ntm-communes", "20"] == (Status.MISSED, 8)
    assert ends["ntm-communes-extremely-difficult", "20"] == (Status.MET, 4)
    assert ends["advanced-communes", "20"] == (Status.MISSED, 3)
    assert ends["new-jobs", "20"][0] == ends["gender-violence", "20"][0] == Status.MET
    assert ends["poverty-rate", "20"][0] == ends["poverty-rate-poor-districts", "181"][0] == Status.MET
    assert ends["poverty-rate-poor-districts", "184"][0] == Status.MISSED
    assert ends["trade-training", "20"][0] == Status.MISSED


def test_everything_that_can_happen_to_a_commune_happens(played: Played) -> None:
    seen = Counter(event for *_, event, _, _ in played.events)
    expected = set(Event) - {Event.CHANGED}
    assert expected <= set(seen)
    assert 300 <= seen.total() - seen[Event.FIRST_DATA] <= 900


def test_a_correction_gives_a_lost_verdict_back(reference: Reference, year: list[Day], played: Played) -> None:
    corrected = {
        (day.on, submission.unit, criterion)
        for day, _, submission in submissions(year)
        if submission.revision == 2
        for element in submission.readings
        for criterion in reference.criteria_of_element(element)
    }
    assert len({(on, unit) for on, unit, _ in corrected}) == 8
    regained = {(on, unit, key) for on, unit, key, event, *_ in played.events if event == Event.MET} & corrected
    assert {key for *_, key in regained} == {"ntm-11", "ntm-14"}


def test_intake_accepts_every_submission_from_the_agency_that_sends_it(reference: Reference, year: list[Day]) -> None:
    districts = [one for one in reference.units if one.kind in ("district", "city")]
    callers = {agency_of(one.code): Caller(agency_of(one.code), (one.code,), (EVERYTHING,)) for one in districts}
    callers[PROVINCE_AGENCY] = Caller(PROVINCE_AGENCY, ("20",), (EVERYTHING,))
    for day, agency, submission in submissions(year):
        assert rules.examine(submission, callers[agency], reference, day.on) == []
        assert submission.source_ref
        assert submission.source_ref.startswith("MAU-")


@pytest.mark.parametrize("seed", [SEED, 1, 2])
def test_beside_what_stands_only_the_grave_slip_is_remarkable(reference: Reference, seed: int) -> None:
    standing, remarks = StandingFigures(), []
    for day, agency, submission in submissions(plan_year(reference, seed)):
        unit = reference.units.find(submission.unit, submission.period.end)
        assert unit
        compared = rules.compare(submission, unit, standing, reference)
        assert compared.faults == [], (day.on, submission)
        remarks += compared.warnings
        standing.add(unit.key, submission, uuid5(NAMESPACE_URL, f"{day.on}/{submission.source_ref}"), agency)
    told = [(remark.code, remark.pointer) for remark in remarks if remark.code != "official_stands"]
    assert told == [("implausible_change", "/readings/poor_households")]


def test_late_reports_of_the_year_are_marked(reference: Reference, year: list[Day]) -> None:
    late = [
        by
        for day, _, submission in submissions(year)
        if (unit := reference.units.find(submission.unit, submission.period.end))
        and (by := rules.due(submission, unit, reference, day.on))
    ]
    assert 30 <= len(late) <= 150


def test_each_figure_is_sent_once_unless_it_is_corrected(year: list[Day]) -> None:
    sent = Counter(
        (submission.unit, submission.period, element, submission.stage, submission.revision)
        for _, _, submission in submissions(year)
        for element in submission.readings
    )
    assert max(sent.values()) == 1


def test_a_day_fits_into_one_array_per_agency(year: list[Day]) -> None:
    assert [day.on for day in (year[0], year[-1])] == [FIRST_DAY, LAST_DAY]
    assert len(year) == 365 + 32
    assert max(len(post.submissions) for day in year for post in day.posts) <= ARRAY_LIMIT


def test_a_seed_always_gives_the_same_year_and_another_one_another(reference: Reference, year: list[Day]) -> None:
    program = (
        "import hashlib; from deploy.local.sample import SEED, sample_reference;"
        "from deploy.local.sample.year import plan_year;"
        "print(hashlib.sha256(repr(plan_year(sample_reference(), SEED)).encode()).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert elsewhere.stdout.strip() == hashlib.sha256(repr(year).encode()).hexdigest()
    assert plan_year(reference, SEED + 1) != year
