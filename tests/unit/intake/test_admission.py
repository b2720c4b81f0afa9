"""Signing submissions in: their identities, their digests, the published messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from services.intake.admission.candidate import Candidate, Posted, Refused, Ruling
from services.intake.admission.decide import Decisions
from services.intake.admission.digest import canonical, digest_of, digests_of, identity, proves
from services.intake.admission.history import History
from services.intake.admission.messages import (
    REQUEST_DIGEST_HEADER,
    REQUEST_HEADER,
    messages_of,
    receipt,
    refusal_of,
    sign_in,
)
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission, Refusal, Review, Submission, SubmissionWarning
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import load
from shared.time import VIETNAM
from tests.builders import DIEM_HE, a_posted_submission, a_warning, an_accepted_submission

NOW = datetime(2023, 6, 30, 16, 20, 5, tzinfo=VIETNAM)
DISTRICT = Caller(agency="district-184", units=("184",), criteria=("*",), key="0123456789ab")
REFERENCE = load()
UNITS = REFERENCE.units


def a_submission(**changes: Any) -> Submission:
    return Submission.model_validate(a_posted_submission(**changes))


def a_candidate(posted: Posted | None = None, ruling: Ruling | None = None, **changes: Any) -> Candidate:
    submission = a_submission(**changes)
    posted, digests = posted or Posted(DISTRICT), digests_of(submission)
    unit = UNITS.find(DIEM_HE, submission.period.end)
    assert unit
    return Candidate(identity(posted, 0, digests.earlier), {}, posted, submission, unit, None, *digests, ruling)


def signed(candidate: Candidate, warnings: Sequence[SubmissionWarning] = ()) -> AcceptedSubmission:
    return sign_in(candidate, warnings, UNITS, NOW)


def a_review(**changes: Any) -> Review:
    ordinary: dict[str, Any] = {
        "id": UUID(int=2),
        "submission": UUID(int=1),
        "decision": "verified",
        "agency": "district-184",
        "at": NOW.replace(hour=9),
        "unit": DIEM_HE,
        "period": "2023-06",
    }
    return Review.model_validate({**ordinary, **changes})


def test_the_digest_is_the_sha_256_of_the_sorted_json_without_defaults() -> None:
    submission = a_submission(revision=2, source_ref="Điềm He")
    written = (
        '{"period":"2023-06","readings":{"households":1204,"near_poor_households":88,"poor_households":131},'
        '"revision":2,"source_ref":"Điềm He","unit":"06280"}'
    )
    assert canonical(submission) == written.encode()
    assert digest_of(submission) == "jcs:" + hashlib.sha256(written.encode()).hexdigest()


def test_what_is_said_by_default_is_the_same_as_what_is_left_out() -> None:
    said = a_submission(stage="reported", revision=1, source_ref=None, confirmed=False)
    assert digest_of(said) == digest_of(a_submission())


@pytest.mark.parametrize(
    "changes", [{"revision": 2}, {"stage": "verified"}, {"confirmed": True}, {"source_ref": ""}, {"period": "2023-05"}]
)
def test_whatever_else_is_said_changes_the_digest(changes: dict[str, Any]) -> None:
    assert digest_of(a_submission(**changes)) != digest_of(a_submission())


def test_a_whole_number_has_one_digest_however_it_is_written_and_yes_is_not_one() -> None:
    assert digest_of(a_submission(readings={"x1": 12.0})) == digest_of(a_submission(readings={"x1": 12}))
    assert digest_of(a_submission(readings={"x1": True})) != digest_of(a_submission(readings={"x1": 1}))


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        (0.00001, "0.00001"), (1e-7, "1e-7"), (12.5, "12.5"), (-0.0, "0"), (1.0, "1"), (100.0, "100"),
        (9007199254740991, "9007199254740991"), (9007199254740993, "9007199254740992"), (1e21, "1e+21"), (True, "true"),
    ],
)  # fmt: skip
def test_figures_are_written_as_rfc_8785_says(figure: float, written: str) -> None:
    text = '{"period":"2023-06","readings":{"x1":FIGURE},"unit":"06280"}'.replace("FIGURE", written)
    assert canonical(a_submission(readings={"x1": figure})) == text.encode()


def test_a_digest_of_an_earlier_version_still_proves_what_was_sent() -> None:
    tiny = a_submission(readings={"x1": 0.00001})
    as_before = hashlib.sha256(b'{"period":"2023-06","readings":{"x1":1e-05},"unit":"06280"}').hexdigest()
    assert proves(as_before, tiny)
    assert proves(digest_of(tiny), tiny)
    assert not digest_of(tiny).endswith(as_before)
    other = a_submission(readings={"x1": 0.00002})
    assert not proves(as_before, other)
    assert not proves(digest_of(tiny), other)


def test_a_submission_that_an_earlier_version_accepted_keeps_its_id_and_gets_its_receipt() -> None:
    content = b'{"period":"2023-06","readings":{"x1":1e-05},"unit":"06280"}'
    candidate = a_candidate(readings={"x1": 0.00001})
    as_before = hashlib.sha256(content).hexdigest()
    assert candidate.id == uuid5(NAMESPACE_URL, f"district-184/{as_before}")
    earlier = receipt(signed(candidate)).model_copy(update={"digest": as_before})
    decisions = Decisions(History(receipts={candidate.id: earlier}), REFERENCE, NOW)
    assert decisions.decide([candidate], whole=False) == [earlier]
    assert not decisions.taken


def test_a_number_beyond_all_doubles_has_a_digest_though_no_element_allows_it() -> None:
    digest = digest_of(a_submission(readings={"x1": 10**400}))
    assert digest.startswith("jcs:")
    assert digest != digest_of(a_submission(readings={"x1": 10**401}))


_EXACT = st.integers(-(2**53) + 1, 2**53 - 1)


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{1,20}", fullmatch=True), st.booleans() | _EXACT, min_size=1),
    st.text(max_size=40).filter(lambda text: text.isprintable()),
)
def test_what_is_written_directly_is_what_the_library_writes(readings: dict[str, int], reference: str) -> None:
    content = {"period": "2023-06", "readings": readings, "source_ref": reference, "unit": "06280"}
    assert canonical(a_submission(readings=readings, source_ref=reference)) == rfc8785.dumps(content)


def test_the_accepted_submission_has_the_digest_of_what_was_sent() -> None:
    sent = a_submission(confirmed=True, revision=3)
    accepted = an_accepted_submission(**sent.model_dump(), warnings=[a_warning("households")], due="2023-06-15")
    assert digest_of(AcceptedSubmission.model_validate_json(accepted.model_dump_json())) == digest_of(sent)


@given(st.permutations(["households", "poor_households", "near_poor_households"]))
def test_the_order_of_the_fields_changes_nothing(order: list[str]) -> None:
    ordinary = a_posted_submission()
    shuffled = {name: ordinary["readings"][name] for name in order}
    assert digest_of(a_submission(readings=shuffled)) == digest_of(a_submission())


def test_without_a_key_the_content_tells_a_repeated_submission_and_with_one_the_key_does() -> None:
    keyed = replace(Posted(DISTRICT), request="june")
    assert identity(Posted(DISTRICT), 0, "d") == identity(Posted(DISTRICT), 7, "d")
    assert identity(Posted(DISTRICT), 0, "d") != identity(Posted(DISTRICT), 0, "e")
    assert identity(keyed, 0, "d") == identity(keyed, 0, "e")
    assert identity(keyed, 0, "d") != identity(keyed, 1, "d")
    other = Posted(replace(DISTRICT, agency="another"), request="june")
    assert identity(other, 0, "d") != identity(keyed, 0, "d")


def test_what_is_published_says_who_sent_it_when_and_for_which_request() -> None:
    posted = Posted(DISTRICT, trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01", request="june", request_digest="abc")
    candidate = a_candidate(posted)
    accepted = signed(candidate)
    (message,) = messages_of(accepted, candidate)
    assert AcceptedSubmission.model_validate_json(message.body) == accepted
    assert (accepted.agency, accepted.key, accepted.received_at) == ("district-184", "0123456789ab", NOW)
    assert message.subject == subjects.submission("184", DIEM_HE)
    assert message.headers["Nats-Msg-Id"] == message.headers["ce-id"] == str(candidate.id)
    assert message.headers["traceparent"] == posted.trace
    assert (message.headers[REQUEST_HEADER], message.headers[REQUEST_DIGEST_HEADER]) == ("june", "abc")


def test_what_is_remarkable_stands_in_the_receipt_too() -> None:
    accepted = signed(a_candidate(), [a_warning("households")])
    assert receipt(accepted).warnings == accepted.warnings == [a_warning("households")]


def test_a_verified_submission_keeps_the_warnings_of_the_original_each_once() -> None:
    anew = SubmissionWarning(code="implausible_change", pointer="/readings/households", detail={"vi": "m", "en": "n"})
    candidate = a_candidate(ruling=Ruling(a_review(), [a_warning("households"), a_warning("poor_households")]))
    accepted = signed(candidate, [anew])
    assert accepted.reviews == UUID(int=1)
    assert accepted.warnings == [anew, a_warning("poor_households")]


def test_a_decision_goes_out_with_the_submission_that_it_makes_and_at_the_same_moment() -> None:
    candidate = a_candidate(ruling=Ruling(a_review()), stage="verified")
    accepted = signed(candidate)
    submission, decision = messages_of(accepted, candidate)
    review = Review.model_validate_json(decision.body)
    assert submission.subject.startswith("ntm.v1.submissions.")
    assert decision.subject == subjects.review("184", DIEM_HE)
    assert (review.result, review.at) == (accepted.id, accepted.received_at)


@pytest.mark.parametrize(("length", "is_cut"), [(3000, False), (5000, True)])
def test_a_refusal_keeps_what_was_sent_up_to_a_length(length: int, is_cut: bool) -> None:
    item = {"unit": "x" * length}
    problem = Problem(Problems.REFUSED, Fault("/unit", Faults.MISSING))
    refusal_id, message = refusal_of(Refused(item, Posted(DISTRICT, "en"), problem), NOW)
    refusal = Refusal.model_validate_json(message.body)
    assert refusal.id == refusal_id
    assert message.subject == "ntm.v1.refusals.district-184"
    assert refusal.problem["title"] == Problems.REFUSED.title.en
    assert refusal.submission == (json.dumps(item)[:4000] if is_cut else item)
