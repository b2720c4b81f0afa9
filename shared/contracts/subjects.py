"""Streams and subjects: one place for every name on the broker."""

from __future__ import annotations

SUBMISSIONS_STREAM = "SUBMISSIONS"
REFUSALS_STREAM = "REFUSALS"
STATUS_STREAM = "STATUS"
ALERTS_STREAM = "ALERTS"

ALL_SUBMISSIONS = "ntm.v1.submissions.>"
ALL_REVIEWS = "ntm.v1.reviews.>"
ALL_REFUSALS = "ntm.v1.refusals.>"
ALL_STATUSES = "ntm.v1.status.>"
ALL_TARGETS = "ntm.v1.targets.>"
ALL_PROBLEMS = "ntm.v1.problems.>"
ALL_ALERTS = "ntm.v1.alerts.>"
ALL_PARKED = "ntm.v1.parked.>"

KEPT = {
    SUBMISSIONS_STREAM: [ALL_SUBMISSIONS, ALL_REVIEWS],
    STATUS_STREAM: [ALL_STATUSES, ALL_TARGETS, ALL_PROBLEMS, ALL_PARKED],
}
"""The streams whose messages are kept for ever, each with its subjects."""

KEPT_A_YEAR = {REFUSALS_STREAM: [ALL_REFUSALS], ALERTS_STREAM: [ALL_ALERTS]}

SUBMIT = "ntm.v1.intake.submit"
"""Request/reply: post submissions over NATS."""

PREVIEW = "ntm.v1.scoring.preview"
"""Request/reply: the statuses that submissions would lead to."""

SCORING_CONSUMER = "scoring"
"""The durable consumer of SUBMISSIONS: what it has acknowledged is scored."""


def is_in(subject: str, family: str) -> bool:
    """Whether a subject belongs to a family such as `ntm.v1.status.>`."""
    return subject.startswith(family.removesuffix(">"))


def stream_of(subject: str) -> str | None:
    """The stream that keeps what is said on a subject; None where it is not kept."""
    streams = {**KEPT, **KEPT_A_YEAR}
    return next((stream for stream, families in streams.items() if any(is_in(subject, one) for one in families)), None)


def submission(district: str | None, unit: str) -> str:
    """Where an accepted submission is published; `-` stands where the tree has no district."""
    return f"ntm.v1.submissions.{district or '-'}.{unit}"


def review(district: str | None, unit: str) -> str:
    """Where what was decided about a submission is published, in the submissions' stream."""
    return f"ntm.v1.reviews.{district or '-'}.{unit}"


def problem(unit: str) -> str:
    """Where a difficulty of a unit is reported and answered."""
    return f"ntm.v1.problems.{unit}"


def refusal(agency: str) -> str:
    """Where what an agency was refused is recorded."""
    return f"ntm.v1.refusals.{agency}"


def status(district: str | None, commune: str, criterion: str) -> str:
    """Where changes of a commune's criterion are published."""
    return f"ntm.v1.status.{district or '-'}.{commune}.{criterion}"


def target(unit: str, commitment: str) -> str:
    """Where changes of a district's or the province's commitment are published."""
    return f"ntm.v1.targets.{unit}.{commitment}"


def parked(service: str) -> str:
    """Where a service says what it could not process."""
    return f"ntm.v1.parked.{service}"


def replay(service: str) -> str:
    """Request/reply: have a service process a parked message again."""
    return f"ntm.v1.{service}.replay"


def alert(unit: str, event: str) -> str:
    """Where notify says what became of an alert."""
    return f"ntm.v1.alerts.{unit}.{event}"
