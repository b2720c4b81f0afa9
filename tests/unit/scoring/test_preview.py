"""A preview goes into one message, however much it tells."""

from __future__ import annotations

import pytest

from services.scoring.asking.preview import fit
from shared.contracts.bilingual import Bilingual
from shared.contracts.preview import Preview, PreviewedStatus
from shared.contracts.status import Status
from shared.problems import Problem, Problems

LIMIT = 10_000


def a_preview(statuses: int, letters: int) -> Preview:
    reason = Bilingual(vi="ế" * letters, en='"' * letters)
    one = PreviewedStatus(unit="06280", criterion="ntm-11", before=Status.MET, after=Status.BEHIND, reason=reason)
    return Preview(statuses=[one] * statuses)


def test_reasons_are_whole_where_they_fit() -> None:
    found = a_preview(3, 100)
    assert Preview.model_validate_json(fit(found, LIMIT)) == found


def test_reasons_are_cut_to_one_length_where_the_reply_would_outgrow_a_message() -> None:
    body = fit(a_preview(30, 400), LIMIT)
    reasons = {one.reason.vi for one in Preview.model_validate_json(body).statuses}
    assert len(body) <= LIMIT
    assert len(reasons) == 1
    assert 10 < len(reasons.pop().removesuffix("…")) < 400


def test_what_is_too_long_without_any_reason_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        fit(a_preview(1000, 10), LIMIT)
    assert refused.value.kind is Problems.TOO_LARGE
