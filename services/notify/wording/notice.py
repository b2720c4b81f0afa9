"""The wording of a notice: the template of its kind, filled in with its facts."""

from __future__ import annotations

from collections.abc import Mapping

from services.notify.alerts.alert import Alert, AlertKind
from services.notify.alerts.awaited_reports import awaited
from services.notify.alerts.draft import NEWS, Draft
from services.notify.alerts.notice import Wording
from services.notify.sms_text import Style
from services.notify.wording.template_facts import facts_of, facts_of_reports, facts_of_several
from services.notify.wording.templates import Facts, fill, words_of
from services.notify.wording.verdict_table import Words
from services.notify.world import World
from shared.contracts.bilingual import Language

_SEVERAL, _REPORTS = "several", "reports"
_SUBJECTS = {_SEVERAL: "several_subject.txt", _REPORTS: "reports_subject.txt"}
_TEMPLATES: Mapping[AlertKind, str] = {
    "status": "status_change",
    "target": "status_change",
    "problem": "difficulty",
    "dossier": "dossier",
    "operation": "operation",
}
"""The template of each kind of event: `<language>/<template>.txt` and `.html` for a mail, `_sms.txt` for an SMS. A
notice of several alerts takes `several`, one of awaited reports alone `reports`; the subjects of mails stand in
`subject.txt`, `several_subject.txt` and `reports_subject.txt`.
"""


BRIEFEST = 5
"""The last step of shortening an SMS; each step leaves out the least important words of the rest."""


def word(draft: Draft, world: World) -> Wording:
    """Return the wording of a draft in the language of its recipient."""
    if draft.channel == "webhook":
        return Wording(event_document(draft.alert))
    language, words = draft.language, words_of(draft.language)
    template, facts = _filling(draft, world, words)
    facts |= {"item": facts}
    subject = " ".join(fill(_SUBJECTS.get(template, "subject.txt"), facts, language).split())
    if draft.channel == "sms":
        text = short_message(f"{template}_sms.txt", facts, language, world.sms)
        return Wording(text, subject if world.has_zalo else None)
    return Wording(
        subject=subject,
        text=fill(f"{template}.txt", facts, language),
        html=fill(f"{template}.html", facts, language),
    )


def _filling(draft: Draft, world: World, words: Words) -> tuple[str, Facts]:
    """Return the template of a draft, and the facts that fill it in."""
    if all(awaited(alert, world.of(alert).reference) for alert in draft.told):
        return _REPORTS, facts_of_reports(draft, world)
    if len(draft.told) == 1 and draft.waits != NEWS:  # a digest is said to be one, however little it tells
        return _TEMPLATES[draft.alert.kind], facts_of(draft, world, words)
    return _SEVERAL, facts_of_several(draft, world, words)


def event_document(alert: Alert) -> str:
    """Return the body of a webhook: the published event, with type and time as Standard Webhooks advise."""
    kind, at = f"ntm.{alert.kind}.{alert.event}", alert.occasion.at.isoformat()
    return f'{{"type":"{kind}","timestamp":"{at}","data":{alert.document}}}'


def short_message(name: str, facts: Facts, language: Language, style: Style) -> str:
    """Return the fullest wording that fits an SMS; when not even the briefest fits, cut that."""
    for brevity in range(BRIEFEST + 1):
        message = style.write(fill(name, {**facts, "brevity": brevity}, language))
        if style.fits(message):
            return message
    return style.cut(message)
