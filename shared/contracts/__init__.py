"""What crosses a border between services: the messages, their words and their subjects."""

from shared.contracts.alert import AlertEvent, AlertLogged
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
from shared.contracts.submission import (
    AcceptedSubmission,
    Receipt,
    Refusal,
    Submission,
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
    "Change",
    "CommitmentRef",
    "CriterionRef",
    "Event",
    "Language",
    "Part",
    "Period",
    "Receipt",
    "Refusal",
    "Stage",
    "Status",
    "StatusChanged",
    "Submission",
    "TargetChanged",
    "UnitCode",
    "UnitRef",
    "Value",
]
