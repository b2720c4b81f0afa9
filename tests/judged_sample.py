"""The verdicts on the sample year: their digest stands in `tests/golden/judging.json`, beside the version.

`python -m tests.judged_sample` records it, and refuses where verdicts changed and neither version nor inputs did.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from deploy.local.sample import LAST_DAY, SAMPLE_COHORTS, SEED, sample_reference
from deploy.local.sample.year import plan_year
from services.scoring.judging.aggregates import summed
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.inheritance import judged_by
from services.scoring.judging.judge import Judge, overdue_of
from services.scoring.judging.readings import Reading, readings_in
from services.scoring.judging.version import JUDGING
from services.scoring.update.commune_statuses import rebuilt_statuses
from shared.contracts.submission import Submission
from shared.reference.archive import digest_of, read_files
from shared.reference.load import PACKAGED, Reference

GOLDEN = Path(__file__).parent / "golden" / "judging.json"

_NO_VERDICT = "judged_on", "reported", "reported_from"
DAYS = [date(2023, 3, 31), date(2023, 6, 30), date(2023, 9, 15), date(2023, 12, 31), date(2024, 1, 31)]


@dataclass(frozen=True, slots=True)
class Posted:
    """A submission of the sample year, with the day on which it comes and the key of its unit."""

    on: date
    unit: int
    submission: Submission


def posted(reference: Reference) -> Iterator[Posted]:
    """Yield the submissions of the sample year."""
    for day in plan_year(reference, SEED, LAST_DAY):
        for post in day.posts:
            for item in post.submissions:
                submission = Submission.model_validate(item)
                unit = reference.units.find(submission.unit, submission.period.end)
                assert unit
                yield Posted(day.on, unit.key, submission)


def figures_on(day: date, year: list[Posted]) -> dict[int, Figures]:
    """Return what has come until a day, by the key of its unit."""
    arrived: defaultdict[int, list[Reading]] = defaultdict(list)
    for number, one in enumerate(year):
        if one.on <= day:
            at = datetime.combine(one.on, time(4), UTC)
            arrived[one.unit] += readings_in(one.submission, uuid5(NAMESPACE_OID, str(number)), at)
    return {unit: merge(Figures(), readings) for unit, readings in arrived.items()}


def verdicts(reference: Reference, day: date, year: list[Posted]) -> Iterator[tuple[Any, ...]]:
    """Yield what judging finds on a day, of each commune's criterion and of each commitment above."""
    judge, arrived, bound = Judge(reference, day), figures_on(day, year), reference.bound_communes(day)
    judged = judged_by({key: arrived.get(key, Figures()) for key in {*arrived, *bound}}, reference)
    for key, own in sorted(judged.items()):
        for row in rebuilt_statuses(judge, reference.units.by_key(key), own, None, bound.get(key, ())):
            yield (day, *(value for name, value in sorted(row.items()) if name not in _NO_VERDICT))
    sums = summed(reference.targets, judged, reference)
    for commitment, target in reference.targets:
        verdict = judge.target(
            commitment, judge.observations_of(commitment, target, sums.get((commitment.id, target.key), {}))
        )
        value = verdict.observation.value if verdict.observation else None
        yield day, commitment.id, target.key, verdict.status.value, value, verdict.holds_until, overdue_of(verdict)


def outcome() -> dict[str, Any]:
    """Return the version of judging, the digests of what it judged and of what it found, and the counts of statuses."""
    reference = sample_reference()
    year = list(posted(reference))
    inputs, found, counts = sha256(), sha256(), Counter[str]()
    inputs.update(digest_of(None, {**read_files(PACKAGED), "sample": SAMPLE_COHORTS.read_text()}).encode())
    for one in year:
        inputs.update(f"{one.on} {one.unit} {one.submission.model_dump_json()}\n".encode())
    for day in DAYS:
        for row in verdicts(reference, day, year):
            found.update(" ".join(map(str, row)).encode() + b"\n")
            counts += Counter(f"{day} {value}" for value in row if value in _STATUSES)
    return {
        "version": JUDGING,
        "inputs": inputs.hexdigest(),
        "verdicts": found.hexdigest(),
        "counts": dict(sorted(counts.items())),
    }


_STATUSES = ("met", "on_track", "behind", "missed", "not_met", "no_data")

REMEDY = (
    "Judging came to other verdicts on the same figures: raise JUDGING in services/scoring/judging/version.py, say in "
    "CHANGELOG.md what is judged otherwise, and record it by `python -m tests.judged_sample`."
)


def needs_a_rise(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Say whether the same figures are judged otherwise by the same version."""
    return all(before[name] == now[name] for name in ("version", "inputs")) and before != now


if __name__ == "__main__":
    now = outcome()
    if GOLDEN.exists() and needs_a_rise(json.loads(GOLDEN.read_text()), now):
        sys.exit(REMEDY)
    GOLDEN.write_text(json.dumps(now, indent=2) + "\n")
