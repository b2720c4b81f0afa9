"""A plan as tables for the terminal. Each entry that nobody has verified bears a mark."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.cli.texts import phrase
from shared.contracts.bilingual import Language
from shared.reference.load import Reference
from shared.reference.models import Basis, Cohort, Commitment, Duty, Goal, Level
from shared.text import day, number, percent
from shared.texts import filled

MARK = "(?)"
"""The mark of every number that nobody has read in its source."""

_SIGNS = {"at_least": "≥", "at_most": "≤"}
_TEXTS = {
    "line": phrase("plan_view.line"),
    "cohorts": phrase("plan_view.cohorts"),
    "cohort": phrase("plan_view.cohort"),
    "criteria": phrase("plan_view.criteria"),
    "members": phrase("plan_view.members"),
    "unnamed": phrase("plan_view.unnamed"),
    "commitments": phrase("plan_view.commitments"),
    "commitment": phrase("plan_view.commitment"),
    "baseline": phrase("plan_view.baseline"),
    "goal": phrase("plan_view.goal"),
    "deadline": phrase("plan_view.deadline"),
    "responsible": phrase("plan_view.responsible"),
    "duties": phrase("plan_view.duties"),
    "duty": phrase("plan_view.duty"),
    "who": phrase("plan_view.who"),
    "when": phrase("plan_view.when"),
    "every_month": phrase("plan_view.every_month"),
    "every_quarter": phrase("plan_view.every_quarter"),
    "every_half": phrase("plan_view.every_half"),
    "every_year": phrase("plan_view.every_year"),
    "together_with": phrase("plan_view.together_with"),
    "basis": phrase("plan_view.basis"),
    "figures": phrase("plan_view.figures"),
    "no_fall": phrase("plan_view.no_fall"),
    "no_rise": phrase("plan_view.no_rise"),
    "points": phrase("plan_view.points"),
    "held": phrase("plan_view.held"),
    "levels": phrase("plan_view.levels"),
    "indicator": phrase("plan_view.indicator"),
    "level": phrase("plan_view.level"),
    "source": phrase("plan_view.source"),
    "informational": phrase("plan_view.informational"),
    "distribution": phrase("plan_view.distribution"),
    "recipient": phrase("plan_view.recipient"),
    "receives": phrase("plan_view.receives"),
    "report": phrase("plan_view.report"),
    "alerts": phrase("plan_view.alerts"),
    "archive": phrase("plan_view.archive"),
    "unverified": filled(phrase("plan_view.unverified"), mark=MARK),
    "sample": phrase("plan_view.sample"),
    "document": phrase("plan_view.document"),
}


def view(reference: Reference, lang: Language) -> RenderableType:
    """Return a plan as tables: its cohorts, commitments, duties, criteria and distribution list."""
    plan = reference.plan
    document = plan.document
    paper = (
        _TEXTS["document"].in_(lang).format(document.number or "—", document.dated or "—", document.signed_by or "—")
    )
    basis = "".join(f"\n{_TEXTS['basis'].in_(lang)}: {_basis(each, lang)}" for each in document.basis)
    return Group(
        Text(document.title, style="bold"),
        Text(f"{document.issuer}\n{paper}{basis}"),
        Text(_TEXTS["sample"].in_(lang) if plan.sample else "", style="bold red"),
        _cohorts(reference, lang),
        _commitments(reference, lang),
        _duties(reference, lang),
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
    for promised in reference.plan.commitments:
        table.add_row(
            str(promised.line),
            _marked(promised.title.in_(lang), promised.verified),
            _TEXTS["figures"].in_(lang) if promised.baseline is None else _value(promised.baseline, promised, lang),
            _goal(promised, lang),
            day(promised.deadline, lang),
            "; ".join(roles[role].in_(lang) for role in promised.responsible),
        )
    return table


def _basis(basis: Basis, lang: Language) -> str:
    dated = day(basis.dated, lang) if basis.dated else None
    return ", ".join(part for part in (basis.title, basis.number, dated, basis.issuer) if part)


def _duties(reference: Reference, lang: Language) -> Table:
    table = _table("duties", ("line", "duty", "who", "when"), lang)
    roles = {holder.role: holder.name.in_(lang) for holder in reference.plan.roles}
    for duty in reference.plan.duties:
        who = "; ".join(roles[role] for role in duty.roles)
        if duty.together_with:
            others = "; ".join(roles[role] for role in duty.together_with)
            who = _TEXTS["together_with"].in_(lang).format(who, others)
        table.add_row(str(duty.line), duty.what.in_(lang), _marked(who, duty.verified), _when(duty, lang))
    return table


def _when(duty: Duty, lang: Language) -> str:
    every = _TEXTS[f"every_{duty.every}"].in_(lang) if duty.every else ""
    days = " - ".join(day(each, lang) for each in (duty.starts, duty.ends) if each)
    return ", ".join(part for part in (every, days) if part)


def _goal(promised: Commitment, lang: Language) -> str:
    if promised.measured_in == "yes_no":
        return _TEXTS["held"].in_(lang)
    if promised.goal is None:
        if not promised.change:
            return _TEXTS["no_rise" if promised.direction == "at_most" else "no_fall"].in_(lang)
        points = _TEXTS["points"].in_(lang) if promised.measured_in == "percent" else _unit(promised, lang)
        return ("+" if promised.change > 0 else "−") + number(abs(promised.change), lang) + points
    whole = f"/{promised.out_of}" if promised.out_of else ""
    return f"{_SIGNS[promised.direction]} {number(promised.goal, lang)}{whole}{_unit(promised, lang)}"


def _value(value: Decimal, promised: Commitment, lang: Language) -> str:
    return f"{number(value, lang)}{_unit(promised, lang)}"


def _unit(promised: Commitment, lang: Language) -> str:
    if promised.measured_in == "percent":
        return " %"
    return f" {promised.counted.in_(lang)}" if promised.counted else ""


def _levels(reference: Reference, lang: Language) -> Table:
    table = _table("levels", ("criteria", "indicator", "level", "source"), lang)
    criteria = (
        (criteria_set.key(criterion), criterion, criteria_set.commune_groups)
        for criteria_set in reference.plan_sets
        for criterion in criteria_set.criteria
    )
    for key, criterion, groups in criteria:
        for level in (*criterion.indicators, *criterion.unjudged):
            if level.measured_in == "yes_no":
                continue
            note = "" if level in criterion.indicators else " " + _TEXTS["informational"].in_(lang)
            name = f"{level.number} {level.name.in_(lang)}{note}"
            for goal in level.goals_in(reference.plan.year):
                asked_of = "".join(f"; {group.name.in_(lang)}" for group in groups if group.id == goal.communes)
                table.add_row(key, name + asked_of, _level(level, goal, lang), goal.source)
    return table


def _level(level: Level, goal: Goal, lang: Language) -> Text:
    amount = percent(goal.goal, lang) if level.measured_in == "percent" else number(goal.goal, lang)
    return _marked(f"{_SIGNS[level.direction]} {amount}", goal.verified)


def _distribution(reference: Reference, lang: Language) -> Table:
    table = _table("distribution", ("line", "recipient", "receives"), lang)
    for entry in reference.plan.distribution:
        table.add_row(str(entry.line), entry.text, _TEXTS[entry.receives].in_(lang))
    return table


def _table(title: str, columns: tuple[str, ...], lang: Language) -> Table:
    table = Table(title=_TEXTS[title].in_(lang), title_justify="left", title_style="bold", show_lines=False)
    for column in columns:
        table.add_column(_TEXTS[column].in_(lang), justify="right" if column == "line" else "left")
    return table


def _marked(text: str, verified: bool) -> Text:
    return Text(text) if verified else Text.assemble(text, (f" {MARK}", "yellow"))
