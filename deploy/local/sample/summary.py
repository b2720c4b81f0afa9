"""The result of the sample: each plan's commitments with planned and reached figures, the notices to each role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from deploy.local.sample import LAST_DAY, references
from deploy.local.texts import phrase
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.status import Status
from shared.reference.models import Plan, Role
from shared.text import STATUSES, day, number

_PAGE = 500
_STATUSES = {
    Status.MET: (STATUSES[Status.MET], "green"),
    Status.ON_TRACK: (STATUSES[Status.ON_TRACK], "cyan"),
    Status.BEHIND: (STATUSES[Status.BEHIND], "yellow"),
    Status.MISSED: (STATUSES[Status.MISSED], "red"),
    Status.NOT_MET: (STATUSES[Status.NOT_MET], ""),
    Status.NO_DATA: (STATUSES[Status.NO_DATA], "dim"),
}
_CHANNELS = ("email", "sms")
_FAILED = frozenset({"temporary_failure", "permanent_failure", "technical_failure"})


@dataclass(frozen=True, slots=True)
class Target:
    """A commitment of the province or a district at the year's end; figures in `measured_in`."""

    unit: str
    title: Bilingual
    line: int | None
    baseline: float | None
    planned: float | None
    reached: float | None
    measured_in: str
    status: Status
    verified: bool


@dataclass(frozen=True, slots=True)
class NoticeCount:
    """Numbers of notices to the holders of a role: sent, by channel, and failed."""

    role: Role
    name: Bilingual
    by_channel: dict[str, int]
    failed: int


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What a plan has come to."""

    plan: Plan
    targets: Sequence[Target]


@dataclass(frozen=True, slots=True)
class Summary:
    """The result on the last day."""

    on: date
    plans: Sequence[PlanResult]
    """The plan of the year, and where the sample ran on that of 2024."""
    notices: Sequence[NoticeCount]
    sample: bool


async def summary(
    client: httpx.AsyncClient, scoring_url: str, notify_url: str, key: str, until: date = LAST_DAY
) -> Summary:
    """Return the result, asked of scoring and notify; the key must cover the province. Raises httpx.HTTPError."""
    headers = {"Authorization": f"Bearer {key}"}
    plans, answers = [reference.plan for reference in references(until)], []
    for plan in plans:
        answer = await client.get(f"{scoring_url}/v1/targets", params={"plan": plan.id}, headers=headers)
        answers.append(answer.raise_for_status().json())

    sent: Counter[tuple[Role, str]] = Counter()
    failed: Counter[Role] = Counter()
    parameters: dict[str, str | int] | None = {"limit": _PAGE}
    while parameters:
        answer = await client.get(f"{notify_url}/v1/notices", params=parameters, headers=headers)
        page = answer.raise_for_status().json()
        for notice in page["items"]:
            role = notice["recipient"].partition("@")[0]
            if notice["status"] in _FAILED:
                failed[role] += 1
            else:
                sent[role, notice["channel"]] += 1
        parameters = {"limit": _PAGE, "cursor": page["next"]} if page["next"] else None

    return Summary(
        on=date.fromisoformat(answers[-1]["as_of"]),
        plans=[
            PlanResult(plan, [_target(item, plan) for item in answer["items"]])
            for plan, answer in zip(plans, answers, strict=True)
        ],
        notices=[
            NoticeCount(
                role.role, role.name, {channel: sent[role.role, channel] for channel in _CHANNELS}, failed[role.role]
            )
            for role in plans[0].roles  # those of 2024 are among them
        ],
        sample=any(answer["sample"] for answer in answers),
    )


def print_summary(console: Console, summary: Summary) -> None:
    """Print the summary, Vietnamese first."""
    if summary.sample:
        console.print("DỮ LIỆU MẪU / SAMPLE DATA: mọi số liệu đều là giả định / all figures are invented", style="bold")
    console.print(*(_targets_table(result, summary.on) for result in summary.plans), _notices_table(summary))
    if any(not target.verified for result in summary.plans for target in result.targets):
        console.print("* chưa kiểm chứng / not verified", style="dim")


def _target(item: dict[str, Any], plan: Plan) -> Target:
    part = item["assessment"]["parts"][0] if item["assessment"] else {}
    # a measure that was first reported during the year has no baseline
    has_baseline = (part.get("baseline_on") or "") <= str(plan.baseline_date)
    return Target(
        unit=item["unit"]["name"],
        title=Bilingual.model_validate(item["commitment"]["title"]),
        line=item["commitment"]["line"],
        baseline=part.get("baseline") if has_baseline else None,
        planned=part.get("goal"),
        reached=part.get("value"),
        measured_in=part.get("measured_in", ""),
        status=Status(item["status"]),
        verified=part.get("verified", True),
    )


def _targets_table(result: PlanResult, on: date) -> Table:
    year = result.plan.year
    table = Table(
        title=f"Kết quả kế hoạch {year} ngày {day(on, 'vi')} / What the plan of {year} came to, {day(on, 'en')}"
    )
    table.add_column("Dòng\n[dim]Line", justify="right")
    table.add_column("Đơn vị\n[dim]Unit")
    table.add_column("Chỉ tiêu\n[dim]Commitment", ratio=1)
    for heading in (f"Cuối {year - 1}\n[dim]End of {year - 1}", "Kế hoạch\n[dim]Planned", "Kết quả\n[dim]Reached"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for target in result.targets:
        name, style = _STATUSES[target.status]
        figures = [_figure(value, target.measured_in) for value in (target.baseline, target.planned, target.reached)]
        mark = "" if target.verified else " *"
        title = _both(Bilingual(vi=target.title.vi + mark, en=target.title.en + mark))
        table.add_row(str(target.line or ""), target.unit, title, *figures, _both(name, style))
    return table


def _notices_table(summary: Summary) -> Table:
    table = Table(title="Thông báo đã gửi / Notices that went out")
    table.add_column("Nơi nhận\n[dim]Recipient")
    for name in ("E-mail", "SMS", "Không gửi được\n[dim]Failed"):
        table.add_column(name, justify="right")
    for count in summary.notices:
        counts = [*(count.by_channel[channel] for channel in _CHANNELS), count.failed]
        if any(counts):
            table.add_row(_both(count.name), *(number(amount, "vi") for amount in counts))
    sums = [sum(count.by_channel[channel] for count in summary.notices) for channel in _CHANNELS]
    totals = (*sums, sum(count.failed for count in summary.notices))
    table.add_section()
    table.add_row(_both(phrase("summary.all")), *(number(amount, "vi") for amount in totals))
    return table


def _both(text: Bilingual, style: str = "") -> Group:
    return Group(Text(text.vi, style=style), Text(text.en, style="dim"))


def _figure(value: float | None, measured_in: str) -> str:
    language: Language = "vi"
    if value is None:
        return "–"
    if measured_in == "yes_no":
        return "có" if value else "không"
    return f"{number(value, language, 2)} %" if measured_in == "percent" else number(value, language)
