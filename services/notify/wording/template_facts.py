"""The facts that templates may use, about an alert and its recipient, in the words of a language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.notify.alerts.alert import Alert, day_of
from services.notify.alerts.awaited_reports import awaited
from services.notify.alerts.dossier_turn import DossierEvent, TurnOfDossier
from services.notify.alerts.draft import DIGESTS, NEWS, REPEAT, Draft, Recipient
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.significance import is_to_acknowledge, severity
from services.notify.alerts.silence_given import SilenceGiven
from services.notify.contacts.phones import as_dialled
from services.notify.texts import phrase
from services.notify.wording.happened import happened
from services.notify.wording.report_list import report_list
from services.notify.wording.silenced import conditions_of, places_of
from services.notify.wording.templates import Facts, words_of
from services.notify.wording.verdict_table import Words, is_verified, table
from services.notify.wording.visible_text import lines_of, on_one_line
from services.notify.world import World
from shared import text
from shared.contracts.alert import DifficultyEvent, OperationEvent, OperationNoted, Severity
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.period import Period
from shared.contracts.reference_version import RulesChanged, VerdictsMoved
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.texts import filled
from shared.time import VIETNAM

_GOOD = {
    Event.MET,
    Event.RECOVERED,
    Event.REPORT_ARRIVED,
    Event.FIRST_DATA,
    DifficultyEvent.CLOSED,
    DossierEvent.DONE,
    FiguresEvent.AGREE,
    OperationEvent.GATEWAY_BACK,
    OperationEvent.MESSAGES_SETTLED,
}
_BAD = {Event.FELL_BEHIND, Event.MISSED, Event.LOST, OperationEvent.GATEWAY_DOWN, OperationEvent.BUDGET_SPENT}
_SEVERITIES = list(Severity)


def facts_of(draft: Draft, world: World, words: Words) -> Facts:
    """Return the facts of a draft that tells one alert, in the words of its language."""
    alert, language, world = draft.alert, draft.language, world.of(draft.alert)
    occasion = alert.occasion
    facts = _of_recipient(draft, world) | _of_alert(alert, draft) | {"link": _link(alert, world.board_url)}
    facts |= {"form": _form(alert, world), "ask": whom_to_ask(draft, world)}
    match occasion:
        case DifficultyLogged():
            return facts | _of_difficulty(occasion, language, world.reference)
        case TurnOfDossier():
            return facts | _of_turn(occasion, language, world.reference)
        case ReportSoonDue():
            return facts | _of_report(alert, occasion, language, world.reference)
        case RulesChanged():
            return facts | _of_rules(occasion, language, world.reference)
        case SilenceGiven():
            return facts | _of_silence(occasion, language, world.reference)
        case OperationNoted():
            return facts | _of_operation(occasion, language, world.reference)
        case change:
            return facts | _of_change(change, language, world.reference, words)


def whom_to_ask(draft: Draft, world: World) -> Facts | None:
    """Return the division that answers questions about the alert's criterion, with the name and phone of its contact.

    None where no criterion is concerned, for that division itself, and where nothing but its name is known.
    """
    change, reference = draft.alert.occasion, world.reference
    if not isinstance(change, StatusChanged):
        return None
    holders = reference.plan.owners_on([change.criterion.key], draft.alert.on)
    own = draft.recipient.role.role if draft.recipient and draft.recipient.role else None
    for holder in holders:
        if holder.level != "province" or holder.role == own:
            continue
        province = reference.units.known(reference.plan.unit)[-1]
        for contact in world.contacts_of(Recipient(holder, province)):
            if contact.phones:
                office = holder.name.in_(draft.language)
                return {
                    "office": office,
                    "name": "" if contact.name == office else contact.name,
                    "phone": as_dialled(contact.phones[0]),
                }
    return None


def common(found: Iterable[Facts | None]) -> Facts | None:
    """Return what all items have in common; None where they differ."""
    first, *others = list(found)
    return first if all(other == first for other in others) else None


def facts_of_several(draft: Draft, world: World, words: Words) -> Facts:
    """Return the facts of a draft that tells several alerts: each alert, the most severe first, and their counts."""
    language = draft.language
    ordered = sorted(draft.told, key=lambda alert: (_SEVERITIES.index(severity(alert)), _place_order(alert)))
    items = [facts_of(replace(draft, alerts=(alert,), omissions=()), world, words) for alert in ordered]
    counts = Counter((item["kind"], item["event"]) for item in items)
    return _of_recipient(draft, world) | {
        "items": items,
        "rows": [],
        "groups": _groups(items, words),
        "form": next((item["form"] for item in items if item["form"]), None),
        "ask": common(item["ask"] for item in items),
        "counts": [{"kind": kind, "event": event, "count": count} for (kind, event), count in counts.most_common()],
        "tone": items[0]["tone"],
        "link": f"{world.board_url.rstrip('/')}/" if world.board_url else None,
        "digest": "weekly" if draft.waits == NEWS else draft.waits if draft.waits in DIGESTS else None,
        "today": text.day(world.moment.astimezone(VIETNAM).date(), language),
        "sample": any(item["sample"] for item in items),
        "line": None,
        "set_name": "",
    }


def facts_of_reports(draft: Draft, world: World) -> Facts:
    """Return the facts of a draft that tells of awaited reports alone: their list, and the page that takes them."""
    reports = report_list(draft.told, draft.language, world)
    role = draft.recipient.role if draft.recipient else None
    owes = role is not None and role.level != "province"
    return _of_recipient(draft, world) | {
        "reports": reports,
        "place": _common_unit(draft.told, world.of(draft.alert).reference),
        "districts": list(dict.fromkeys(one.district for listed in reports for one in listed.districts)),
        "owes": owes,
        "is_soon": all(alert.kind == "report" for alert in draft.told),
        "rows": [],
        "tone": "neutral",
        "form": next((form for alert in draft.told if owes and (form := _form(alert, world))), None),
        "ask": common(whom_to_ask(replace(draft, alerts=(alert,), omissions=()), world) for alert in draft.told),
        "link": f"{world.board_url.rstrip('/')}/" if world.board_url and not owes else None,
        "sample": any(alert.sample for alert in draft.told),
        "line": None,
        "set_name": "",
    }


def _common_unit(alerts: Sequence[Alert], reference: Reference) -> Unit:
    """Return the unit that all alerts are about, or else the district or the province in which all their units lie."""
    for units in ({alert.unit.key for alert in alerts}, {(alert.district or alert.unit).key for alert in alerts}):
        if len(units) == 1:
            return reference.units.by_key(units.pop())
    return reference.units.known(reference.plan.unit)[-1]


def _of_recipient(draft: Draft, world: World) -> Facts:
    role = draft.recipient.role if draft.recipient else None
    name = draft.recipient.title.in_(draft.language) if draft.recipient else ""
    own_link = world.links.url(draft.id) if world.links else None
    return {
        "plan": world.reference.plan.document,
        "recipient": draft.name or name,
        "role": name,
        "role_line": role.line if role else None,
        "acknowledge": own_link if is_to_acknowledge(draft) else None,
        "may_answer": world.takes_answers and draft.channel == "email" and is_to_acknowledge(draft),
        "no_digest": own_link if draft.waits in DIGESTS else None,
        "no_news": own_link if draft.waits == NEWS else None,
        "step": draft.step,
        "is_again": draft.waits == REPEAT,
        "is_reminder": all(alert.kind == "dossier" for alert in draft.told),
    }


def _of_alert(alert: Alert, draft: Draft) -> Facts:
    unit, language = alert.occasion.unit, draft.language
    district = alert.district if alert.district != alert.unit else None
    return {
        "kind": alert.kind,
        "event": alert.event.value,
        "is_verdict": alert.kind in ("status", "target") and alert.event not in (Event.OVERDUE, Event.REPORT_ARRIVED),
        "tone": "good" if alert.event in _GOOD else "bad" if alert.event in _BAD else "neutral",
        "code": unit.code,
        "place": unit.name if language == "vi" else alert.unit.title_in("en"),
        "where": _where(alert, draft),
        "short_place": alert.unit.name,
        "district": district.title_in(language) if district else None,
        "short_district": district.name if district else None,
        "on": text.day(alert.on, language),
        "sample": alert.sample,
        "reason": "",
        "quotation": [],
    }


def _where(alert: Alert, draft: Draft) -> str:
    """Name the place as its office knows it: `Điềm He` to its district, `Điềm He (Văn Quan)` to others."""
    if alert.unit.kind != "commune":
        return alert.unit.title_in(draft.language)
    at_home = draft.recipient is not None and alert.district is not None and draft.recipient.unit == alert.district
    return alert.unit.name if at_home or alert.district is None else f"{alert.unit.name} ({alert.district.name})"


def _place_order(alert: Alert) -> tuple[str, str, str]:
    return (alert.district.code if alert.district else "", alert.unit.code, alert.topic)


def _of_change(change: StatusChanged | TargetChanged, language: Language, reference: Reference, words: Words) -> Facts:
    """Return the verdict with its figures, and its criterion or commitment."""
    assessment = change.assessment
    deadline = max((part.deadline for part in assessment.parts if part.deadline), default=None)
    if isinstance(change, StatusChanged):
        topic = _topic(change.criterion.key, change.criterion.name.in_(language), language, reference)
        cohorts = [cohort.name.in_(language) for cohort in reference.plan.cohorts if cohort.id in change.cohorts]
    else:
        topic = _topic("", change.commitment.title.in_(language), language, reference)
        topic["line"] = change.commitment.line
        cohorts = []
    return {
        **topic,
        "cohorts": cohorts,
        "difficulty_kind": None,
        "before": change.before.value,
        "after": change.after.value,
        "reason": assessment.reason.in_(language),
        "rows": (rows := table(assessment.parts, language, words)),
        "has_figures": any(row.figure and not row.is_yes_no for row in rows),
        "unverified": any(not is_verified(part) for part in assessment.parts),
        "provisional": assessment.provisional,
        "overdue": [text.period_name(Period.parse(period), language) for period in assessment.overdue],
        "deadline": text.day(deadline, language) if deadline else None,
        "deadline_in_figures": text.day(deadline, "vi") if deadline else None,
        "days_left": (deadline - change.on).days if deadline else None,
    }


def _of_difficulty(logged: DifficultyLogged, language: Language, reference: Reference) -> Facts:
    """Return the words about a difficulty, their author, and the difficulty's criterion, if it has a criterion."""
    key = logged.criterion or ""
    name = reference.criterion(key).name.in_(language) if key in reference.criterion_keys else key
    return {
        **_topic(key, name, language, reference),
        "difficulty_kind": logged.kind.value,
        "problem": str(logged.problem),
        "time": f"{logged.at.astimezone(VIETNAM):%H:%M}",
        "agency": on_one_line(logged.agency_name or logged.agency),
        "reported_by": on_one_line(logged.reported_by),
        "contact": on_one_line(logged.contact or ""),
        "quotation": lines_of(logged.words),
        "rows": [],
    }


def _of_report(alert: Alert, soon: ReportSoonDue, language: Language, reference: Reference) -> Facts:
    """Return a report that is soon due, where a notice tells of other things beside."""
    what = happened(alert.kind, soon.event, soon.model_dump(mode="json"), language)
    return {**_topic("", what, language, reference), "difficulty_kind": None, "reason": what, "rows": [], "overdue": []}


def _of_turn(occasion: TurnOfDossier, language: Language, reference: Reference) -> Facts:
    """Return the step that is expected, the criteria that a sector is to answer for, and the step before."""
    turn = occasion.turn
    known = [key for key in turn.criteria if turn.sector and key in reference.criterion_keys]
    return {
        **_topic(f"{occasion.dossier}-", text.DOSSIER_STEPS[turn.step].in_(language), language, reference),
        "difficulty_kind": None,
        "taken": text.DOSSIER_STEPS[occasion.taken].in_(language),
        "agency": on_one_line(occasion.agency_name or occasion.agency),
        "time": f"{occasion.at.astimezone(VIETNAM):%H:%M}",
        "criteria": [f"{key.rpartition('-')[2]} {reference.criterion(key).name.in_(language)}" for key in known],
        "deadline": text.day(turn.due, language) if turn.due else None,
        "deadline_in_figures": text.day(turn.due, "vi") if turn.due else None,
        "working_days": turn.working_days,
        "quotation": lines_of(occasion.reason or ""),
        "rows": [],
        "overdue": [],
    }


def _of_operation(noted: OperationNoted, language: Language, reference: Reference) -> Facts:
    """Return the note for the operators of the system."""
    return {
        **_topic("", noted.about, language, reference),
        "difficulty_kind": None,
        "time": f"{noted.at.astimezone(VIETNAM):%H:%M}",
        "reason": noted.words.in_(language),
        "rows": [],
        "overdue": [],
    }


def _of_rules(changed: RulesChanged, language: Language, reference: Reference) -> Facts:
    """Return which version judges now, by whom and why it was installed, and how many verdicts it changed."""
    is_rebuild = changed.cause == "rebuild"
    words = filled(
        phrase("rules_changed.rebuilt") if is_rebuild else phrase("rules_changed.words"),
        plan=changed.plan,
        author=on_one_line(changed.author),
        reason=on_one_line(changed.reason),
        digest=changed.digest[:19],
        communes=_moved(changed.communes, language),
        targets=_moved(changed.targets, language),
    )
    of_version = filled(phrase("rules_changed.about"), number=changed.version)
    about = (phrase("rules_changed.log") if is_rebuild else of_version).in_(language)
    return {
        **_topic("", about, language, reference),
        "difficulty_kind": None,
        "time": f"{changed.at.astimezone(VIETNAM):%H:%M}",
        "reason": words.in_(language),
        "rows": [],
        "overdue": [],
    }


def _of_silence(given: SilenceGiven, language: Language, reference: Reference) -> Facts:
    """Return which alerts are not told from when to when, who decided that, and why."""
    stated = conditions_of(given.match, given.recipient, day_of(given), language, reference)
    only = filled(phrase("silence_given.conditions"), conditions=stated) if stated else Bilingual(vi="", en="")
    places = places_of(given.match, language, reference)
    words = filled(
        phrase("silence_given.words"),
        begins=text.moment_named(given.starts_at),
        ends=text.moment_named(given.ends_at),
        author=on_one_line(given.author),
        reason=on_one_line(given.reason).rstrip("."),
        conditions=only,
    )
    return {
        **_topic("", phrase("silence_given.about").in_(language).format(places=places), language, reference),
        "difficulty_kind": None,
        "time": f"{given.at.astimezone(VIETNAM):%H:%M}",
        "reason": words.in_(language).strip(),
        "rows": [],
        "overdue": [],
    }


def _moved(verdicts: Sequence[VerdictsMoved], language: Language) -> str:
    """Count the verdicts by the statuses before and after: `3 từ đạt thành chưa đạt`."""
    names = words_of(language)["statuses"]
    each = phrase("rules_changed.moved").in_(language)
    counted = [each.format(count=one.count, before=names[one.before], after=names[one.after]) for one in verdicts]
    return ", ".join(counted) or phrase("rules_changed.none").in_(language)


def _topic(key: str, name: str, language: Language, reference: Reference) -> Facts:
    """Return the topic: a criterion by its set and number, any other topic by its name alone, which may be empty."""
    criteria, _, number = key.rpartition("-")
    known = reference.sets.get(criteria)
    return {
        "set": criteria,
        "set_name": known.name.in_(language) if known else criteria,
        "number": number,
        "topic": name,
        "line": None,
    }


def _link(alert: Alert, board_url: str | None) -> str | None:
    if not board_url:
        return None
    return f"{board_url.rstrip('/')}/?unit={alert.occasion.unit.code}"


def _form(alert: Alert, world: World) -> str | None:
    """Return the address at which the report that an alert asks for is made; None for other alerts.

    Reports of the calendar have a form, any other is sent as a workbook.
    """
    reports = awaited(alert, world.reference)
    if not reports or not world.figures_url:
        return None
    place, first = alert.district or alert.unit, reports[0]
    address = f"{world.figures_url.rstrip('/')}/?unit={place.code}&period={first.period}"
    has_form = first.id in {report.id for report in world.reference.calendar}
    return f"{address}&report={first.id}#enter" if has_form else f"{address}#send"


def _groups(items: Sequence[Facts], words: Words) -> Sequence[Facts]:
    """Return what is told in few words, in the order of the items: the places of each event, with its criteria."""
    by_event: dict[tuple[str, str], list[Facts]] = {}
    for item in items:
        by_event.setdefault((item["kind"], item["event"]), []).append(item)
    return [
        {
            "places": list(dict.fromkeys(item["where"] for item in alike)),
            "coded": list(dict.fromkeys(f"{item['code']} {item['short_place']}" for item in alike)),
            "what": _what_of_all(alike, words),
            "count": len(alike),
            "example": _example(alike),
        }
        for alike in by_event.values()
    ]


def _example(alike: Sequence[Facts]) -> Facts:
    """Return the first of several items, with what they have in common: what all lack, and the day where it is one."""
    deadlines = {item.get("deadline") for item in alike}
    overdue = list(dict.fromkeys(period for item in alike for period in item.get("overdue", ())))
    return alike[0] | {"deadline": alike[0].get("deadline") if len(deadlines) == 1 else None, "overdue": overdue}


def _what_of_all(alike: Sequence[Facts], words: Words) -> str:
    """Return what has happened to several: `tiêu chí 11, 12 chậm tiến độ`, or the words of the first."""
    kinds = list(dict.fromkeys(str(words["what"](item)) for item in alike))
    if len(kinds) > 1 and alike[0]["kind"] == "status":
        numbers = sorted({str(words["number_of"](item)) for item in alike}, key=lambda text: (len(text), text))
        return str(words["all_of"](numbers, alike[0]["event"]))
    if len(kinds) > 1:
        return str(words["and_others"](alike[0], len(kinds) - 1))
    return kinds[0] + (str(words["how_far"](alike[0])) if len(alike) == 1 else "")
