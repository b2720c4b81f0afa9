"""What an alert is about, and a verdict in brief, each on one line, for lists of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import UndefinedError

from services.notify.alerts.alert import AlertKind
from services.notify.texts import phrase
from services.notify.wording.templates import words_of
from services.notify.wording.verdict_table import table
from services.notify.wording.visible_text import on_one_line
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Language
from shared.contracts.dossier import DossierStep
from shared.contracts.period import Period
from shared.contracts.report_due import ReportEvent
from shared.text import DOSSIER_STEPS, period_name


def happened(kind: AlertKind, event: str, body: Mapping[str, Any], language: Language) -> str:
    """Return the topic and its event in a few words: `tiêu chí 11 (Nghèo đa chiều) chậm tiến độ`.

    Raises LookupError where the catalogue has no word for it: the alert is damaged.
    """
    if kind == "report":
        soon = (
            phrase("happened.report_soon_due") if event == ReportEvent.SOON_DUE else phrase("happened.report_settled")
        )
        name, period = body["name"][language], period_name(Period.parse(body["period"]), language)
        return soon.in_(language).format(name=name, period=period)
    words = words_of(language)
    about = body.get("criterion")
    key, name = (about["key"], about["name"][language]) if isinstance(about, dict) else (about or "", "")
    if kind == "target":
        name = body["commitment"]["title"][language]
    criteria, _, number = key.rpartition("-")
    if kind == "dossier":
        criteria, name = body["dossier"], DOSSIER_STEPS[DossierStep(body["turn"]["step"])].in_(language)
    item = {
        "kind": kind,
        "event": event,
        "set": criteria,
        "set_name": criteria,
        "number": number,
        "topic": name or body.get("about", ""),
        "difficulty_kind": body.get("kind") if kind == "problem" else None,
    }
    try:
        return str(words["what"](item, at_length=True))
    except UndefinedError as error:
        raise LookupError(event) from error


def in_brief(event: str, body: Mapping[str, Any], language: Language) -> str:
    """Return what a verdict lacks and its worst measure: `Còn thiếu 63 hộ. Tỷ lệ nghèo đa chiều: 18,19 % …`."""
    assessment, words = Assessment.model_validate(body["assessment"]), words_of(language)
    item = {
        "event": event,
        "rows": table(assessment.parts, language, words),
        "reason": assessment.reason.in_(language),
        "overdue": [period_name(Period.parse(period), language) for period in assessment.overdue],
    }
    lacks = str(words["how_far"](item)).lstrip(",: ")
    worst = str(words["worst"](item))
    return on_one_line(f"{lacks[:1].upper()}{lacks[1:]}. {worst}" if lacks else worst)
