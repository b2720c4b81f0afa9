"""Builders of changes and difficulties as scoring and intake publish them, and of contacts who hear of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.notify.alerts.alert import Alert, Occasion
from services.notify.alerts.draft import Draft, Recipient
from services.notify.alerts.events import alert_of
from services.notify.inspect.how_notices_read import VERDICTS
from services.notify.routing.tree import Tree
from services.notify.world import World, by_role
from shared.contracts.assessment import Assessment, Part
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.dossier import DossierLogged, DossierStep, DossierTurn
from shared.contracts.period import Period
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.contracts.status import Event, Stage, Status
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import load
from shared.reference.models import Branch, Contact, Match

PROVINCE = UnitRef(code="20", name="tỉnh Lạng Sơn", kind="province")
VAN_QUAN = UnitRef(code="184", name="huyện Văn Quan", kind="district")
DIEM_HE = UnitRef(code="06280", name="xã Điềm He", kind="commune")
POVERTY = CriterionRef(key="ntm-11", name=Bilingual(vi="Nghèo đa chiều", en="Multidimensional poverty"))
LABOUR = CriterionRef(key="ntm-12", name=Bilingual(vi="Lao động", en="Labour"))


def a_part(**fields: Any) -> Part:
    return Part(
        **{
            "indicator": "11",
            "name": Bilingual(vi="Tỷ lệ nghèo đa chiều", en="Multidimensional poverty rate"),
            "status": Status.BEHIND,
            "direction": "at_most",
            "measured_in": "percent",
            "value": 18.19,
            "numerator": 219,
            "denominator": 1204,
            "goal": 13,
            "required": 15.6,
            "gap": 2.59,
            "missing": 63,
            "missing_unit": Bilingual(vi="hộ", en="households"),
            "baseline": 18.2,
            "baseline_on": date(2022, 12, 31),
            "deadline": date(2023, 12, 31),
            "period": Period.parse("2023-06"),
            "stage": Stage.REPORTED,
            "verified": False,
            **fields,
        }
    )


REASON = Bilingual(
    vi="Tỷ lệ nghèo đa chiều: 18,19 % (219/1.204 hộ) (tháng 6/2023); mục tiêu ≤ 13 % (ngưỡng chưa đối chiếu văn bản); "
    "theo lộ trình đến 30/06/2023 phải ≤ 15,6 %, còn kém 2,59 điểm phần trăm; còn thiếu 63 hộ đến 31/12/2023.",
    en="Multidimensional poverty rate: 18.19 % (219/1,204 households) (June 2023); goal ≤ 13 % (threshold not "
    "verified); the path asks for ≤ 15.6 % by 30 June 2023, 2.59 points short; 63 households to go by 31 December "
    "2023.",
)


def _change(event: Event, parts: list[Part] | None, fields: dict[str, Any]) -> dict[str, Any]:
    before, after = VERDICTS[event]
    overdue = ["2023-05", "2023-06"] if event is Event.OVERDUE else []
    assessment = Assessment(
        status=after,
        on=date(2023, 6, 30),
        parts=parts if parts is not None else [a_part(status=after)],
        overdue=overdue,
        reason=fields.pop("reason", REASON),
    )
    return {
        "id": uuid4(),
        "event": event,
        "before": before,
        "after": after,
        "on": date(2023, 6, 30),
        "at": datetime(2023, 6, 30, 2, 15, tzinfo=UTC),
        "assessment": assessment,
        **fields,
    }


def a_status_change(event: Event = Event.FELL_BEHIND, parts: list[Part] | None = None, **fields: Any) -> StatusChanged:
    return StatusChanged(
        **_change(event, parts, {"unit": DIEM_HE, "district": VAN_QUAN, "criterion": POVERTY, **fields})
    )


def changes_of_communes(count: int, event: Event = Event.FELL_BEHIND, **fields: Any) -> list[StatusChanged]:
    """Build changes of criteria of the communes of Văn Quan, each about another commune and criterion."""
    units = REFERENCE.units.communes(date(2023, 6, 30), "184")
    about = [(unit, criterion) for criterion in (POVERTY, LABOUR) for unit in units][:count]
    assert len(about) == count
    return [
        a_status_change(
            event, unit=UnitRef(code=unit.code, name=unit.title_in("vi"), kind="commune"), criterion=criterion, **fields
        )
        for unit, criterion in about
    ]


def a_target_change(event: Event = Event.FELL_BEHIND, parts: list[Part] | None = None, **fields: Any) -> TargetChanged:
    commitment = CommitmentRef(
        id="poverty-communes",
        title=Bilingual(vi="87/181 xã đạt tiêu chí Nghèo đa chiều", en="87 of 181 communes meet the poverty criterion"),
        line=35,
    )
    part = a_part(
        indicator="poverty-communes",
        name=commitment.title,
        direction="at_least",
        measured_in="communes",
        value=79,
        numerator=None,
        denominator=None,
        goal=87,
        required=82,
        gap=3,
        missing=8,
        missing_unit=Bilingual(vi="xã", en="communes"),
        verified=True,
        period=None,
    )
    reason = Bilingual(
        vi="87/181 xã đạt tiêu chí Nghèo đa chiều: 79 xã; mục tiêu ≥ 87 xã; theo lộ trình đến 30/06/2023 phải ≥ 82 xã, "
        "còn kém 3 xã; còn thiếu 8 xã đến 31/12/2023.",
        en="87 of 181 communes meet the poverty criterion: 79 communes; goal ≥ 87 communes; the path asks for ≥ 82 "
        "communes by 30 June 2023, 3 communes short; 8 communes to go by 31 December 2023.",
    )
    known = {"unit": PROVINCE, "commitment": commitment, "reason": reason, **fields}
    return TargetChanged(**_change(event, parts if parts is not None else [part], known))


def a_problem(**fields: Any) -> DifficultyLogged:
    """Build the report of a commune's difficulty."""
    return DifficultyLogged(
        **{
            "id": uuid4(),
            "problem": UUID(int=7),
            "event": "problem_reported",
            "at": datetime(2023, 6, 30, 2, 15, tzinfo=UTC),
            "unit": DIEM_HE,
            "district": VAN_QUAN,
            "criterion": "ntm-12",
            "kind": DifficultyKind.FUNDING,
            "agency": "ubnd-diem-he",
            "words": "Chưa được bố trí kinh phí mở lớp đào tạo nghề quý III.\nXã đã có văn bản ngày 12/6.",
            "contact": "Công chức LĐTBXH xã Điềm He",
            "reported_by": "ubnd-diem-he",
            **fields,
        }
    )


def an_answer(**fields: Any) -> DifficultyLogged:
    """Build an answer to the difficulty."""
    words = "Sở đã phân bổ kinh phí đợt 2; đề nghị xã gửi danh sách học viên trước ngày 15/7."
    return a_problem(**{"event": "problem_answered", "agency": "phong-gdnn", "words": words, "contact": None, **fields})


def a_turn(step: DossierStep = DossierStep.VERIFIED, **fields: Any) -> DossierTurn:
    """Build a turn that begins with the step of `a_dossier_step`."""
    known = {"since": STEP_AT, "working_days": 15, "due": date(2023, 7, 21), "criteria": ["ntm-11", "ntm-12"]}
    return DossierTurn(**{"step": step, **known, **fields})


def a_dossier_step(**fields: Any) -> DossierLogged:
    """Build a commune's self-assessment, after which its district verifies."""
    return DossierLogged(
        **{
            "id": uuid4(),
            "step": DossierStep.SELF_ASSESSED,
            "at": STEP_AT,
            "unit": DIEM_HE,
            "district": VAN_QUAN,
            "criteria_set": "ntm",
            "agency": "ubnd-diem-he",
            "agency_name": "UBND xã Điềm He",
            "turns": [a_turn()],
            **fields,
        }
    )


def a_report_soon_due(**fields: Any) -> ReportSoonDue:
    """Build the reminder of a report on poverty that a commune has yet to hand in."""
    return ReportSoonDue(
        **{
            "id": UUID(int=4),
            "event": ReportEvent.SOON_DUE,
            "at": datetime(2023, 7, 3, tzinfo=UTC),
            "unit": VAN_QUAN,
            "report": "poverty-monthly",
            "name": Bilingual(vi="Rà soát thường xuyên", en="Regular review"),
            "period": Period.parse("2023-06"),
            "due": date(2023, 7, 5),
            "missing": [DIEM_HE],
            **fields,
        }
    )


def a_contact(role: str, unit: str, **fields: Any) -> Contact:
    return Contact(
        **{
            "role": role,
            "unit": unit,
            "name": f"Đầu mối {role}",
            "emails": [f"{role.replace('_', '-')}.{unit}@example.vn"],
            "phones": [],
            **fields,
        }
    )


DISTRICT_OFFICE = a_contact(
    "district_office",
    "184",
    name="Phòng Lao động - Thương binh và Xã hội - Dân tộc huyện Văn Quan",
    emails=["ldtbxh.vanquan@example.vn"],
    phones=["+84912345678"],
)


STEP_AT = datetime(2023, 6, 30, 2, 15, tzinfo=UTC)

REFERENCE = load()


NOW = datetime(2023, 6, 30, 3, 0, tzinfo=UTC)
"""A Friday, ten in the morning in Vietnam."""


def a_branch(**fields: Any) -> Branch:
    """Build a branch that tells a district's office by mail when a commune falls behind.

    Fields of the branch's `match` are given beside its other fields."""
    asked = {"on": "status", "events": ["fell_behind"]}
    own = {name: fields.pop(name) for name in list(fields) if name in Match.model_fields}
    known = {"id": "r", "to": ["district_office"], "channels": ["email"], "continue": True, **fields}
    return Branch.model_validate({**known, "match": {**asked, **own}})


def the_world(*contacts: Contact, routes: list[Branch] | None = None, **fields: Any) -> World:
    reference = REFERENCE
    if routes is not None:
        root = Branch(id="root", to=["coordination_office"], channels=["email"], branches=routes)
        reference = replace(reference, plan=reference.plan.model_copy(update={"routing": root}))
    return World(
        **{
            "reference": reference,
            "tree": Tree.of(reference.plan),
            "contacts": by_role(contacts),
            "channels": frozenset({"email", "sms", "webhook"}),
            "retry_for": timedelta(days=1),
            "now": NOW,
            **fields,
        }
    )


def an_alert(occasion: Occasion) -> Alert:
    return alert_of(occasion, REFERENCE)


def a_draft(occasion: Occasion, **fields: Any) -> Draft:
    """Build a draft for the office of the alert's district."""
    alert = an_alert(occasion)
    role = next(role for role in REFERENCE.plan.roles if role.role == "district_office")
    contact = DISTRICT_OFFICE.model_copy(update={"language": fields.pop("language", "vi")})
    recipient = Recipient(role, alert.district or alert.unit)
    return replace(Draft((alert,), "status-district", recipient, contact=contact), **fields)
