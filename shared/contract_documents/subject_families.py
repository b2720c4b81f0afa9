"""The families of subjects on the broker with their messages, and the requests that services answer there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from pydantic import BaseModel

from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged, DossierStep
from shared.contracts.evidence import Evidence
from shared.contracts.item_answers import ItemAnswers
from shared.contracts.judgement import Judgement, JudgementRequest
from shared.contracts.parked_message import Parked, Replayed, ReplayRequest
from shared.contracts.preview import Preview, PreviewRequest
from shared.contracts.problem_document import ProblemDocument
from shared.contracts.reference_version import ReferenceVersion, RulesChanged
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.contracts.submission import AcceptedSubmission, Receipt, Refusal, Review, Submission, Withdrawal
from shared.contracts.trouble import TroubleReported
from shared.contracts.verdict_change import StatusChanged, TargetChanged

_UNIT = "Code of a commune, a district or the province."
_DISTRICT = "Code of the district; `-` where the tree has none."
TRACE = {
    "type": "string",
    "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "description": "W3C trace context.",
}


_OF_PROVINCE = {
    "ce-province": {
        "type": "string",
        "pattern": "^[0-9]{2}$",
        "description": "Code of the province: two provinces may use one `ce-id`. Events of before 2026-12 lack it.",
    }
}
"""The headers of what the national office gets of many provinces."""


@dataclass(frozen=True, slots=True)
class SubjectFamily:
    """A family of subjects on which services publish one kind of message."""

    name: str
    address: str
    about: str
    contract: type[BaseModel]
    kinds: tuple[str, ...]
    """The middle of the CloudEvents type: `vn.ntm.<kind>.v1`."""
    services: tuple[str, ...]
    parameters: Mapping[str, str]
    headers: Mapping[str, Any] = field(default_factory=dict)
    """The headers, besides those of every event."""


SUBJECT_FAMILIES = (
    SubjectFamily(
        "submissions",
        subjects.submission("{district}", "{unit}"),
        "Số liệu đã tiếp nhận / Accepted submissions.",
        AcceptedSubmission,
        ("submission.accepted",),
        ("intake",),
        {"district": _DISTRICT, "unit": _UNIT},
        {
            "ntm-request": {"type": "string", "description": "The sender's `Idempotency-Key`."},
            "ntm-request-digest": {"type": "string", "description": "SHA-256 of the content that the key belongs to."},
        },
    ),
    SubjectFamily(
        "reviews",
        subjects.review("{district}", "{unit}"),
        "Thẩm tra, thẩm định, trả lại / Decisions of districts and sectors on submissions.",
        Review,
        tuple(f"submission.{decision}" for decision in get_args(Review.model_fields["decision"].annotation)),
        ("intake",),
        {"district": _DISTRICT, "unit": _UNIT},
    ),
    SubjectFamily(
        "withdrawals",
        subjects.withdrawal("{district}", "{unit}"),
        "Thu hồi số liệu / Submissions that were withdrawn: their figures count no longer.",
        Withdrawal,
        ("submission.withdrawn",),
        ("intake",),
        {"district": _DISTRICT, "unit": _UNIT},
    ),
    SubjectFamily(
        "evidence",
        subjects.evidence("{district}", "{unit}"),
        "Minh chứng / Files and links that prove figures and criteria, and those that were taken back.",
        Evidence,
        ("evidence.attached", "evidence.withdrawn"),
        ("intake",),
        {"district": _DISTRICT, "unit": _UNIT},
    ),
    SubjectFamily(
        "refusals",
        subjects.refusal("{agency}"),
        "Số liệu bị từ chối / Refused submissions, with the reasons.",
        Refusal,
        ("submission.refused",),
        ("intake",),
        {"agency": "The agency that sent it."},
    ),
    SubjectFamily(
        "statuses",
        subjects.status("{district}", "{commune}", "{criterion}"),
        "Tiêu chí của xã đổi trạng thái / A commune's criterion changed its status. The last message of each subject "
        "holds its present status.",
        StatusChanged,
        ("status.changed",),
        ("scoring",),
        {"district": _DISTRICT, "commune": "Code of the commune.", "criterion": "Set and number, such as `ntm-11`."},
        _OF_PROVINCE,
    ),
    SubjectFamily(
        "statusesOfPlans",
        subjects.status_of_plan("{district}", "{commune}", "{plan}", "{criterion}"),
        "Xã quá hạn chưa đạt khi kế hoạch trước khép lại / A criterion to which a plan bound a commune is missed: told "
        "once, when that plan closes and another one is in force already.",
        StatusChanged,
        ("status.changed",),
        ("scoring",),
        {
            "district": _DISTRICT,
            "commune": "Code of the commune.",
            "plan": "The plan's id, such as `lang-son-2023`.",
            "criterion": "Set and number, such as `ntm-11`.",
        },
        _OF_PROVINCE,
    ),
    SubjectFamily(
        "targets",
        subjects.target("{unit}", "{commitment}"),
        "Mục tiêu của huyện, tỉnh đổi trạng thái / A commitment of a district or the province changed its status.",
        TargetChanged,
        ("target.changed",),
        ("scoring",),
        {"unit": _UNIT, "commitment": "Its id in the plan."},
        _OF_PROVINCE,
    ),
    SubjectFamily(
        "targetsOfPlans",
        subjects.target_of_plan("{unit}", "{plan}", "{commitment}"),
        "Mục tiêu theo từng kế hoạch / The same in any plan: the one in force, or one before it that is being closed.",
        TargetChanged,
        ("target.changed",),
        ("scoring",),
        {"unit": _UNIT, "plan": "The plan's id, such as `lang-son-2023`.", "commitment": "Its id in the plan."},
        _OF_PROVINCE,
    ),
    SubjectFamily(
        "problems",
        subjects.problem("{unit}"),
        "Vướng mắc / Difficulties, reported and answered. Words are plain text: whoever shows them escapes them.",
        DifficultyLogged,
        tuple(event.replace("_", ".") for event in get_args(DifficultyLogged.model_fields["event"].annotation)),
        ("intake",),
        {"unit": _UNIT},
    ),
    SubjectFamily(
        "dossiers",
        subjects.dossier("{district}", "{commune}"),
        "Hồ sơ công nhận / Steps of a commune's dossiers of recognition. Words are plain text.",
        DossierLogged,
        tuple(f"dossier.{step.replace('_', '.')}" for step in DossierStep),
        ("intake",),
        {"district": _DISTRICT, "commune": "Code of the commune."},
    ),
    SubjectFamily(
        "reports",
        subjects.report("{district}"),
        "Báo cáo sắp đến hạn / Reports that are soon due and have not come, and their end.",
        ReportSoonDue,
        tuple(event.replace("_", ".") for event in ReportEvent),
        ("intake",),
        {"district": _DISTRICT},
    ),
    SubjectFamily(
        "alerts",
        subjects.alert("{unit}", "{event}"),
        "Thông báo / Events of alerts and their notices.",
        AlertLogged,
        tuple(f"alert.{event}" for event in AlertEvent),
        ("notify",),
        {"unit": _UNIT, "event": "The same as in the message."},
    ),
    SubjectFamily(
        "parked",
        subjects.parked("{service}"),
        "Tin nhắn không xử lý được / Messages that a service parked, replayed or dropped.",
        Parked,
        ("message.parked",),
        ("intake", "scoring", "notify"),
        {"service": "The service that could not process it."},
    ),
    SubjectFamily(
        "reference",
        subjects.reference("{province}"),
        "Dữ liệu tham chiếu / Versions of the reference data, each whole. All services judge by the last one.",
        ReferenceVersion,
        ("reference.installed",),
        ("cli",),
        {"province": "Code of the province."},
    ),
    SubjectFamily(
        "troubles",
        subjects.trouble("{service}", "{code}"),
        "Sự cố của hệ thống / Troubles of the system itself, and their ends. The last message of each subject "
        "holds how things stand.",
        TroubleReported,
        ("trouble.raised", "trouble.cleared"),
        ("intake", "scoring", "notify", "cli"),
        {"service": "The service that reports it.", "code": "The kind of trouble, such as `disk`."},
    ),
    SubjectFamily(
        "rules",
        subjects.rules("{province}"),
        "Đánh giá lại theo quy tắc mới / All verdicts were judged again by another version of the reference data.",
        RulesChanged,
        ("rules.changed",),
        ("scoring",),
        {"province": "Code of the province."},
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A subject on which a service answers requests."""

    name: str
    address: str
    about: str
    asked: Any
    answers: tuple[type[BaseModel], ...]
    asked_headers: Mapping[str, Any] = field(default_factory=dict)
    answer_headers: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


_SUBMIT = Request(
    "submit",
    subjects.SUBMIT,
    "Gửi số liệu qua NATS / Send figures, by the rules and with the receipts of `POST /v1/submissions`.",
    Submission | list[Submission],
    (Receipt, ItemAnswers, ProblemDocument),
    {
        "Authorization": {"type": "string", "pattern": "^[Bb]earer .+$", "description": "`Bearer` and the key."},
        "Idempotency-Key": {"type": "string", "pattern": r"^[\x20-\x7e]{1,200}$"},
        "Accept-Language": {"type": "string"},
        "traceparent": TRACE,
    },
    {
        "status": {
            "type": "string",
            "pattern": "^[2-5][0-9]{2}$",
            "description": "The status that HTTP would answer with.",
        },
        "content-type": {"enum": ["application/json", "application/problem+json"]},
        "retry-after": {"type": "string", "description": "Seconds to wait. Sending the same again is safe."},
    },
)

REQUESTS = (
    _SUBMIT,
    replace(
        _SUBMIT,
        name="submit_as",
        address=subjects.submit("{agency}"),
        about="Gửi số liệu qua NATS bằng tài khoản riêng / The same, by an agency's user, without a key.",
        parameters={"agency": "The agency's id: its key's scope and rate hold, and no other agency's key."},
    ),
    Request(
        "preview",
        subjects.PREVIEW,
        "Xem trước / The statuses that submissions would lead to. Nothing is stored.",
        PreviewRequest,
        (Preview, ProblemDocument),
        {"traceparent": TRACE},
        {
            "Nats-Service-Error-Code": {"type": "string", "description": "The status of HTTP, where it is a problem."},
            "Nats-Service-Error": {"type": "string"},
        },
    ),
    Request(
        "judgement",
        subjects.JUDGEMENT,
        "Đánh giá hiện tại / How a commune stands by a criteria set. Nothing is stored.",
        JudgementRequest,
        (Judgement, ProblemDocument),
        {"traceparent": TRACE},
        {
            "Nats-Service-Error-Code": {"type": "string", "description": "The status of HTTP, where it is a problem."},
            "Nats-Service-Error": {"type": "string"},
        },
    ),
    Request(
        "replay",
        subjects.replay("{service}"),
        "Xử lý lại / An operator has a parked message processed again.",
        ReplayRequest,
        (Replayed,),
        parameters={"service": "The service that parked it: intake, scoring or notify."},
    ),
)
