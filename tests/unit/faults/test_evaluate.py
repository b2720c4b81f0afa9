"""The evaluator of the fault runs finds what it is there to find."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.intake.admission.digest import digests_of
from shared.contracts.submission import Submission
from tests.faults.evaluate import Change, Evidence, Findings, Notice, evaluate
from tests.faults.record import Record, Recorded, identity_of
from tests.faults.rules import digest

MET = {"households": 1000, "poor_households": 100, "near_poor_households": 30}
NOT_MET = {"households": 1000, "poor_households": 100, "near_poor_households": 31}


def an_item(revision: int, readings: dict[str, int], **given: Any) -> dict[str, Any]:
    return {
        "unit": "06280",
        "period": "2023-06",
        "revision": revision,
        "confirmed": True,
        "readings": readings,
        **given,
    }


FIRST, SECOND = an_item(1, MET), an_item(2, NOT_MET)
CHANGES = [
    Change("c1", "ntm.v1.status.184.06280.ntm-11", "no_data", "met", "ntm-11", "06280"),
    Change("c2", "ntm.v1.status.184.06280.ntm-11", "met", "not_met", "ntm-11", "06280"),
]


def stored(item: dict[str, Any], receipt: str) -> dict[str, Any]:
    return {"stage": "reported", **item, "id": receipt, "digest": digest(item)}


SOUND = Evidence(
    log=[stored(FIRST, "s1"), stored(SECOND, "s2")],
    receipts={"s1": "scored", "s2": "scored"},
    statuses={"06280": "not_met", "06283": "no_data"},
    meeting=0,
    changes=CHANGES,
    calls={"c1": ["w1"], "c2": ["w2", "w2"]},
    messages={"m1": 2},
    notices=[Notice("sms", "sent", None, "m1")],
)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A record of two acknowledged submissions."""
    record = Record(tmp_path / "record.jsonl")
    for item, receipt in ((FIRST, "s1"), (SECOND, "s2")):
        record.sends("single", item)
        record.acknowledges("single", item, {"id": receipt, "digest": digest(item)})
    return record


def findings(record: Record, evidence: Evidence) -> Findings:
    return evaluate(Recorded(record.path), evidence)


def test_a_sound_system_is_found_sound_and_repetitions_are_counted(record: Record) -> None:
    found = findings(record, SOUND)
    assert found.is_good, [*found.lines()]
    assert (found.acknowledged, found.changes) == (2, 2)
    assert found.repeated == {"webhook calls": 1, "SMS requests": 1, "mails": 0}


@pytest.mark.parametrize(
    ("sort", "change"),
    [
        ("lost", {"log": SOUND.log[:1]}),
        ("lost", {"receipts": {"s1": "scored"}}),
        ("lost", {"calls": {"c1": ["w1"]}}),
        ("lost", {"messages": {}}),
        ("lost", {"notices": [Notice("email", "failed", None, "m2")]}),
        ("doubled", {"log": [*SOUND.log, stored(FIRST, "s3")]}),
        ("doubled", {"calls": {"c1": ["w1", "w3"], "c2": ["w2"]}}),
        ("doubled", {"changes": [*CHANGES, CHANGES[1]]}),
        ("wrong", {"log": [stored(FIRST, "s1"), {**stored(SECOND, "s2"), "readings": MET}]}),
        ("wrong", {"log": [*SOUND.log, stored(an_item(3, MET), "s3")]}),
        ("wrong", {"receipts": {"s1": "scored", "s2": "accepted"}}),
        ("wrong", {"statuses": {"06280": "met"}}),
        ("wrong", {"statuses": {}}),
        ("wrong", {"meeting": 1}),
        ("wrong", {"changes": CHANGES[:1]}),
        ("wrong", {"changes": CHANGES[1:]}),
        ("wrong", {"parked": ["a message"]}),
        ("wrong", {"failed_commands": ["ntm rebuild --verify"]}),
    ],
)
def test_what_is_lost_doubled_or_wrong_is_found(record: Record, sort: str, change: dict[str, Any]) -> None:
    assert getattr(findings(record, replace(SOUND, **change)), sort)


def test_another_receipt_and_a_refusal_of_a_sound_submission_are_wrong(record: Record) -> None:
    record.acknowledges("single", FIRST, {"id": "s9", "digest": digest(FIRST)})
    record.refuses("single", SECOND, {"code": "refused"})
    assert len(findings(record, SOUND).wrong) == 2


def test_what_was_withdrawn_counts_no_longer(record: Record) -> None:
    record.withdraws(identity_of(SECOND), is_answered=True)
    back = Change("c3", CHANGES[0].subject, "not_met", "met", "ntm-11", "06280")
    after = replace(
        SOUND,
        statuses={"06280": "met"},
        meeting=1,
        changes=[*CHANGES, back],
        calls={**SOUND.calls, "c3": ["w3"]},
    )
    assert findings(record, after).is_good
    assert not findings(record, SOUND).is_good


def test_the_highest_stage_and_revision_of_the_newest_period_stand(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    older = an_item(9, NOT_MET, period="2023-05", stage="confirmed")
    for number, item in enumerate([an_item(1, MET, stage="verified"), an_item(7, NOT_MET), older]):
        record.sends("array", item)
        record.acknowledges("array", item, {"id": str(number), "digest": digest(item)})
    found = findings(record, replace(SOUND, statuses={"06280": "met"}, meeting=1))
    assert not [entry for entry in found.wrong if "by the rules" in entry]


def test_the_digest_is_the_one_that_receipts_have() -> None:
    for item in (FIRST, an_item(1, NOT_MET, stage="verified", source_ref="số 1")):
        assert digest(item) == digests_of(Submission.model_validate(item)).digest


def test_the_record_survives_its_writer(record: Record) -> None:
    """Each line is in the file before the load goes on."""
    lines = [json.loads(line) for line in record.path.read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["sent", "acknowledged", "sent", "acknowledged"]
