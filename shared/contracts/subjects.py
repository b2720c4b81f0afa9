"""The names of all streams and subjects on the broker."""

from __future__ import annotations

SUBMISSIONS_STREAM = "SUBMISSIONS"
REFUSALS_STREAM = "REFUSALS"
STATUS_STREAM = "STATUS"
ALERTS_STREAM = "ALERTS"
REFERENCE_STREAM = "REFERENCE"
OPERATIONS_STREAM = "OPERATIONS"
TRIAL_STREAM = "TRIAL"
CLOCK_STREAM = "CLOCK"

ALL_SUBMISSIONS = "ntm.v1.submissions.>"
ALL_REVIEWS = "ntm.v1.reviews.>"
ALL_WITHDRAWALS = "ntm.v1.withdrawals.>"
ALL_EVIDENCE = "ntm.v1.evidence.>"
ALL_REFUSALS = "ntm.v1.refusals.>"
ALL_STATUSES = "ntm.v1.status.>"
ALL_STATUSES_V2 = "ntm.v2.status.>"
EACH_STATUS = "ntm.v1.status.*.*.*"
"""The same subjects: what waits for scoring's answers has a consumer beside that of all statuses."""
ALL_TARGETS = "ntm.v1.targets.>"
ALL_TARGETS_V2 = "ntm.v2.targets.>"
ALL_PROBLEMS = "ntm.v1.problems.>"
ALL_DOSSIERS = "ntm.v1.dossiers.>"
ALL_REPORTS = "ntm.v1.reports.>"
ALL_ALERTS = "ntm.v1.alerts.>"
ALL_PARKED = "ntm.v1.parked.>"
ALL_REFERENCE = "ntm.v1.reference.>"
ALL_RULES = "ntm.v1.rules.>"
ALL_OPERATIONS = "ntm.v1.operations.>"
ALL_TRIALS = "ntm.v1.trial.>"

KEPT = {
    SUBMISSIONS_STREAM: [ALL_SUBMISSIONS, ALL_REVIEWS, ALL_WITHDRAWALS, ALL_EVIDENCE],
    STATUS_STREAM: [
        ALL_STATUSES,
        ALL_STATUSES_V2,
        ALL_TARGETS,
        ALL_TARGETS_V2,
        ALL_PROBLEMS,
        ALL_DOSSIERS,
        ALL_REPORTS,
        ALL_PARKED,
        ALL_RULES,
    ],
    REFERENCE_STREAM: [ALL_REFERENCE],
}
"""The streams whose messages are kept for ever, each with its subjects."""

SIGNED = tuple(KEPT)
"""The streams whose messages are signed: these change verdicts, or people act upon them."""

KEPT_A_YEAR = {REFUSALS_STREAM: [ALL_REFUSALS], ALERTS_STREAM: [ALL_ALERTS]}

KEPT_LAST = {OPERATIONS_STREAM: [ALL_OPERATIONS], TRIAL_STREAM: [ALL_TRIALS]}
"""The streams that keep the last message of each subject."""

NEEDED = {**KEPT, **KEPT_A_YEAR, **KEPT_LAST}
"""The streams that the services need, each with its subjects."""

STREAMS = (*NEEDED, CLOCK_STREAM)
"""All streams; only a simulated clock has the last one."""

_STREAMS = {family.removesuffix(">"): stream for stream, families in NEEDED.items() for family in families}
"""The streams by the beginnings of their subjects."""

SUBMIT = "ntm.v1.intake.submit"
"""Requests that send submissions."""

ALL_SUBMITS = f"{SUBMIT}.*"
"""The same, each agency on a subject of its own: a user of the broker may publish on one of them only."""

PREVIEW = "ntm.v1.scoring.preview"
"""Requests for the statuses that submissions would lead to."""

JUDGEMENT = "ntm.v1.scoring.judgement"
"""Requests for how a commune stands by a criteria set."""

CLOCK = "ntm.v1.clock"
"""The day of a simulated clock."""

INTAKE_CONSUMER = "intake-submissions"
"""Intake's durable consumer of SUBMISSIONS: the messages that it has acknowledged stand in intake's tables."""

SCORING_CONSUMER = "scoring"
"""Scoring's durable consumer of SUBMISSIONS: the messages that it has acknowledged are scored."""

OPERATIONS_CONSUMER = "notify-operations"
"""Notify's durable consumer of OPERATIONS: of what it has acknowledged notify tells the operators."""

CONSUMERS = {
    "intake": {
        ALL_SUBMISSIONS: INTAKE_CONSUMER,
        ALL_REVIEWS: "intake-reviews",
        ALL_WITHDRAWALS: "intake-withdrawals",
        ALL_EVIDENCE: "intake-evidence",
        ALL_REFUSALS: "intake-refusals",
        ALL_STATUSES: "intake-changes",
        EACH_STATUS: "intake-withdrawals-due",
        ALL_PARKED: "intake-parked",
        ALL_PROBLEMS: "intake-problems",
        ALL_DOSSIERS: "intake-dossiers",
    },
    "scoring": {
        ALL_SUBMISSIONS: SCORING_CONSUMER,
        ALL_REVIEWS: "scoring-reviews",
        ALL_WITHDRAWALS: "scoring-withdrawals",
    },
    "notify": {
        ALL_STATUSES: "notify-status",
        ALL_STATUSES_V2: "notify-status-of-plans",
        ALL_TARGETS: "notify-targets",
        ALL_TARGETS_V2: "notify-targets-of-plans",
        ALL_PROBLEMS: "notify-problems",
        ALL_DOSSIERS: "notify-dossiers",
        ALL_REPORTS: "notify-reports",
        ALL_PARKED: "notify-parked",
        ALL_RULES: "notify-rules",
        ALL_OPERATIONS: OPERATIONS_CONSUMER,
    },
}
"""Each service's durable consumers, by the family of subjects that a consumer is for."""


def submit(agency: str) -> str:
    """Return the subject on which an agency's systems send submissions."""
    return f"{SUBMIT}.{agency}"


def agency_of(subject: str) -> str | None:
    """Return the agency whose own subject a request that sends submissions came on; None: it came on everybody's."""
    return subject.removeprefix(f"{SUBMIT}.") if subject.startswith(f"{SUBMIT}.") else None


def is_in(subject: str, family: str) -> bool:
    """Return whether a subject belongs to a family such as `ntm.v1.status.>`."""
    return subject.startswith(family.removesuffix(">"))


def stream_of(subject: str) -> str | None:
    """Return the stream that keeps the messages on a subject, or a family; None where no stream does."""
    return next((stream for prefix, stream in _STREAMS.items() if subject.startswith(prefix)), None)


def submission(district: str | None, unit: str) -> str:
    """Return the subject of accepted submissions; `-` stands where the tree of units has no district."""
    return f"ntm.v1.submissions.{district or '-'}.{unit}"


def review(district: str | None, unit: str) -> str:
    """Return the subject of reviews, which stand in the stream of the submissions."""
    return f"ntm.v1.reviews.{district or '-'}.{unit}"


def withdrawal(district: str | None, unit: str) -> str:
    """Return the subject of withdrawals, which stand in the stream of the submissions."""
    return f"ntm.v1.withdrawals.{district or '-'}.{unit}"


def withdrawn_from(subject: str) -> str:
    """Return the subject of the submissions that the withdrawals on a subject are about."""
    return subject.replace("withdrawals", "submissions", 1)


def evidence(district: str | None, unit: str) -> str:
    """Return the subject of evidence, which stands in the stream of the submissions."""
    return f"ntm.v1.evidence.{district or '-'}.{unit}"


def problem(unit: str) -> str:
    """Return the subject of a unit's difficulties: reports and answers."""
    return f"ntm.v1.problems.{unit}"


def report(district: str) -> str:
    """Return the subject of a district's reports that are soon due."""
    return f"ntm.v1.reports.{district}"


def dossier(district: str | None, commune: str) -> str:
    """Return the subject of a commune's dossiers of recognition, by all criteria sets."""
    return f"ntm.v1.dossiers.{district or '-'}.{commune}"


def refusal(agency: str) -> str:
    """Return the subject of an agency's refusals."""
    return f"ntm.v1.refusals.{agency}"


def status(district: str | None, commune: str, criterion: str) -> str:
    """Return the subject of the changes of a commune's criterion by the plan in force."""
    return f"ntm.v1.status.{district or '-'}.{commune}.{criterion}"


def status_of_plan(district: str | None, commune: str, plan: str, criterion: str) -> str:
    """Return the subject of the verdict on a commune's criterion with which a plan before the one in force closes."""
    return f"ntm.v2.status.{district or '-'}.{commune}.{plan}.{criterion}"


def target(unit: str, commitment: str) -> str:
    """Return the subject of the changes of a district's or the province's commitment in the plan in force."""
    return f"ntm.v1.targets.{unit}.{commitment}"


def target_of_plan(unit: str, plan: str, commitment: str) -> str:
    """Return the subject of the changes of a district's or the province's commitment in any plan."""
    return f"ntm.v2.targets.{unit}.{plan}.{commitment}"


def reference(province: str) -> str:
    """Return the subject of the versions of the reference data."""
    return f"ntm.v1.reference.{province}"


def rules(province: str) -> str:
    """Return the subject that tells that all verdicts were judged again by another version of the reference data."""
    return f"ntm.v1.rules.{province}"


def parked(service: str) -> str:
    """Return the subject of the messages that a service has parked, replayed or dropped."""
    return f"ntm.v1.parked.{service}"


def trouble(service: str, code: str) -> str:
    """Return the subject on which a service reports a trouble of the system, and its end."""
    return f"ntm.v1.operations.{service}.{code}"


def trial(program: str) -> str:
    """Return the subject on which a program tries whether the broker stores anything."""
    return f"ntm.v1.trial.{program}"


def replay(service: str) -> str:
    """Return the subject of requests that have a service process a parked message again."""
    return f"ntm.v1.{service}.replay"


def alert(unit: str, event: str) -> str:
    """Return the subject of the events of alerts."""
    return f"ntm.v1.alerts.{unit}.{event}"
