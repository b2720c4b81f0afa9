"""A plan as a person reads it: tables for the terminal. What is not verified bears a mark."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.contracts.words import Bilingual, Language
from shared.reference.load import Reference
from shared.reference.models import Cohort, Commitment, Goal, Level
from shared.text import day, number, percent

MARK = "(?)"
"""Stands at every number that was not read in its source."""

_SIGNS = {"at_least": "≥", "at_most": "≤"}
_TEXTS = {
    "line": Bilingual(vi="Dòng", en="Line"),
    "cohorts": Bilingual(vi="Các nhóm xã", en="Cohorts"),
    "cohort": Bilingual(vi="Nhóm", en="Cohort"),
    "criteria": Bilingual(vi="Tiêu chí", en="Criteria"),
    "members": Bilingual(vi="Các xã", en="Members"),
    "unnamed": Bilingual(vi="{} xã chưa nêu tên", en="{} unnamed"),
    "commitments": Bilingual(vi="Các cam kết", en="Commitments"),
    "commitment": Bilingual(vi="Cam kết", en="Commitment"),
    "baseline": Bilingual(vi="Đầu kỳ", en="Baseline"),
    "goal": Bilingual(vi="Mục tiêu", en="Goal"),
    "deadline": Bilingual(vi="Thời hạn", en="Deadline"),
    "responsible": Bilingual(vi="Phụ trách", en="Responsible"),
    "figures": Bilingual(vi="theo số liệu", en="from figures"),
    "points": Bilingual(vi=" điểm %", en=" points"),
    "held": Bilingual(vi="thực hiện", en="done"),
    "levels": Bilingual(vi="Các mức phải đạt", en="Levels"),
    "indicator": Bilingual(vi="Chỉ tiêu", en="Indicator"),
    "level": Bilingual(vi="Mức", en="Level"),
    "source": Bilingual(vi="Nguồn", en="Source"),
    "informational": Bilingual(vi="(để biết, chưa dùng để đánh giá)", en="(for information, not judged by)"),
    "distribution": Bilingual(vi="Nơi nhận", en="Distribution"),
    "recipient": Bilingual(vi="Đơn vị", en="Recipient"),
    "receives": Bilingual(vi="Nhận", en="Receives"),
    "report": Bilingual(vi="báo cáo", en="reports"),
    "alerts": Bilingual(vi="cảnh báo", en="alerts"),
    "archive": Bilingual(vi="lưu", en="archive"),
    "unverified": Bilingual(
        vi=f"{MARK} số liệu hoặc cách hiểu chưa được kiểm chứng tại nguồn",
        en=f"{MARK} a number or a reading that was not verified in its source",
    ),
    "sample": Bilingual(vi="CÓ DỮ LIỆU MẪU", en="WITH SAMPLE DATA"),
    "document": Bilingual(vi="Số: {}   {}   Ký: {}", en="Number: {}   {}   Signed: {}"),
}


def view(reference: Reference, lang: Language) -> RenderableType:
    """Everything of a plan that a person wants to see."""
    plan = reference.plan
    document = plan.document
    paper = (
        _TEXTS["document"].in_(lang).format(document.number or "—", document.dated or "—", document.signed_by or "—")
    )
    return Group(
        Text(document.title, style="bold"),
        Text(f"{document.issuer}\n{paper}"),
        Text(_TEXTS["sample"].in_(lang) if plan.sample else "", style="bold red"),
        _cohorts(reference, lang),
        _commitments(reference, lang),
        _levels(reference, lang),
        _distribution(reference, lang),
        Text(_TEXTS["unverified"].in_(lang), style="yellow"),
    )


def _cohorts(reference: Reference, lang: Language) -> Table:
    table = _table("cohorts", ("line", "cohort", "criteria", "members"), lang)
    for cohort in reference.plan.cohorts:
        table.add_row(
            ", ".join(map(str, cohort.lines)),
            _marked(cohort.name.in_(lang), cohort.verified),
            ", ".join(cohort.criteria),
            _members(cohort, reference, lang),
        )
    return table


def _members(cohort: Cohort, reference: Reference, lang: Language) -> str:
    units = [reference.units.find(code, reference.plan.first_day) for code in cohort.members]
    named = [f"{unit.name} {unit.code}" for unit in units if unit]
    missing = cohort.size - len(named)
    if missing > 0:
        named.append(_TEXTS["unnamed"].in_(lang).format(missing))
    return ", ".join(named)


def _commitments(reference: Reference, lang: Language) -> Table:
    columns = ("line", "commitment", "baseline", "goal", "deadline", "responsible")
    table = _table("commitments", columns, lang)
    roles = {holder.role: holder.name for holder in reference.plan.roles}
    for one in reference.plan.commitments:
        table.add_row(
            str(one.line),
            _marked(one.title.in_(lang), one.verified),
            _TEXTS["figures"].in_(lang) if one.baseline is None else _value(one.baseline, one, lang),
            _goal(one, lang),
            day(one.deadline, lang),
            "; ".join(roles[role].in_(lang) for role in one.responsible),
        )
    return table


def _goal(one: Commitment, lang: Language) -> str:
    if one.measured_in == "yes_no":
        return _TEXTS["held"].in_(lang)
    if one.goal is None:
        points = _TEXTS["points"].in_(lang) if one.measured_in == "percent" else _unit(one, lang)
        return f"{(one.change or Decimal(0)):+}".replace("-", "−") + points
    whole = f"/{one.out_of}" if one.out_of else ""
    return f"{_SIGNS[one.direction]} {number(one.goal, lang)}{whole}{_unit(one, lang)}"


def _value(value: Decimal, one: Commitment, lang: Language) -> str:
    return f"{number(value, lang)}{_unit(one, lang)}"


def _unit(one: Commitment, lang: Language) -> str:
    if one.measured_in == "percent":
        return " %"
    return f" {one.counted.in_(lang)}" if one.counted else ""


def _levels(reference: Reference, lang: Language) -> Table:
    table = _table("levels", ("criteria", "indicator", "level", "source"), lang)
    criteria = (
        (one.key(criterion), criterion, one.commune_groups) for one in reference.plan_sets for criterion in one.criteria
    )
    for key, criterion, groups in criteria:
        for level in (*criterion.indicators, *criterion.unjudged):
            if level.measured_in == "yes_no":
                continue
            told = "" if level in criterion.indicators else " " + _TEXTS["informational"].in_(lang)
            name = f"{level.number} {level.name.in_(lang)}{told}"
            for goal in level.goals_in(reference.plan.year):
                asked_of = "".join(f"; {group.name.in_(lang)}" for group in groups if group.id == goal.communes)
                table.add_row(key, name + asked_of, _level(level, goal, lang), goal.source)
    return table


def _level(level: Level, goal: Goal, lang: Language) -> Text:
    amount = percent(goal.goal, lang) if level.measured_in == "percent" else number(goal.goal, lang)
    return _marked(f"{_SIGNS[level.direction]} {amount}", goal.verified)


def _distribution(reference: Reference, lang: Language) -> Table:
    table = _table("distribution", ("line", "recipient", "receives"), lang)
    for one in reference.plan.distribution:
        table.add_row(str(one.line), one.text, _TEXTS[one.receives].in_(lang))
    return table


def _table(title: str, columns: tuple[str, ...], lang: Language) -> Table:
    table = Table(title=_TEXTS[title].in_(lang), title_justify="left", title_style="bold", show_lines=False)
    for column in columns:
        table.add_column(_TEXTS[column].in_(lang), justify="right" if column == "line" else "left")
    return table


def _marked(text: str, verified: bool) -> Text:
    return Text(text) if verified else Text.assemble(text, (f" {MARK}", "yellow"))
