"""What crosses a border between services: the messages, their words and their subjects."""

from shared.contracts.alert import AlertEvent, AlertLogged, ProblemEvent
from shared.contracts.change import (
    Assessment,
    Change,
    CommitmentRef,
    CriterionRef,
    Part,
    StatusChanged,
    TargetChanged,
    UnitRef,
)
from shared.contracts.parked import Parked
from shared.contracts.preview import Preview, PreviewedStatus, PreviewRequest
from shared.contracts.problem_report import ProblemAnswer, ProblemKind, ProblemLogged, ProblemReport
from shared.contracts.submission import (
    AcceptedSubmission,
    CausedChange,
    Receipt,
    Refusal,
    Review,
    Submission,
    SubmissionWarning,
    Tracked,
    Value,
)
from shared.contracts.words import (
    Bilingual,
    Event,
    Language,
    Period,
    Stage,
    Status,
    UnitCode,
)

__all__ = [
    "AcceptedSubmission",
    "AlertEvent",
    "AlertLogged",
    "Assessment",
    "Bilingual",
    "CausedChange",
    "Change",
    "CommitmentRef",
    "CriterionRef",
    "Event",
    "Language",
    "Parked",
    "Part",
    "Period",
    "Preview",
    "PreviewRequest",
    "PreviewedStatus",
    "ProblemAnswer",
    "ProblemEvent",
    "ProblemKind",
    "ProblemLogged",
    "ProblemReport",
    "Receipt",
    "Refusal",
    "Review",
    "Stage",
    "Status",
    "StatusChanged",
    "Submission",
    "SubmissionWarning",
    "TargetChanged",
    "Tracked",
    "UnitCode",
    "UnitRef",
    "Value",
]
