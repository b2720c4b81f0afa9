"""What stands around the report: who issues it, its title, its recipients, who signs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.scoring.reporting.facts import ReportFacts
from services.scoring.reporting.paper import Frame
from services.scoring.reporting.words import Words
from services.scoring.texts import phrase
from shared.reference.models import Plan


@dataclass(frozen=True, slots=True)
class Office:
    """The office that issues reports, as far as the settings name it; else it is the one that issued the plan."""

    above: str | None = None
    issuer: str | None = None
    symbol: str | None = None
    place: str | None = None
    signed_as: str | None = None
    signer: str | None = None


def issuer_of(facts: ReportFacts, office: Office) -> str:
    """Return the name of the body that issues the report: of a district its office, else the issuer of the plan."""
    if facts.unit.code != facts.reference.plan.unit:
        return _district_office(facts)
    return office.issuer or facts.reference.plan.document.issuer


def frame_of(facts: ReportFacts, office: Office, words: Words) -> Frame:
    """Return the frame of a report."""
    plan, unit = facts.reference.plan, facts.unit
    is_province = unit.code == plan.unit
    signed_as = office.signed_as or plan.document.signed_as or words.say(phrase("report.frame.head"))
    superior = words.say(phrase("report.frame.committee_short"), unit=unit.title)
    return Frame(
        above=((office.above if is_province else None) or superior).upper(),
        issuer=_without(unit.title, issuer_of(facts, office)).upper(),
        number=words.say(
            phrase("report.frame.number"), symbol=office.symbol or words.say(phrase("report.frame.symbol"))
        ),
        nation=words.say(phrase("report.frame.nation")),
        motto=words.say(phrase("report.frame.motto")),
        place_and_date=words.say(
            phrase("report.frame.place_and_date"),
            place=(office.place or unit.name) if is_province else unit.name,
            month=facts.today.month,
            year=facts.today.year,
        ),
        kind=words.say(phrase("report.frame.kind")),
        summary=words.say(
            phrase("report.frame.summary"),
            month=facts.month.start.month,
            year=facts.month.start.year,
            unit=words.unit(unit),
        ),
        recipients_title=words.say(phrase("report.frame.recipients")),
        recipients=_recipients(facts, words),
        signed_as=(signed_as if is_province else words.say(phrase("report.frame.head_of_office"))).upper(),
        signer=(office.signer or "") if is_province else "",
    )


def _without(place: str, issuer: str) -> str:
    """Leave out the place at the end of a body's name: the superior body above it names it already."""
    return issuer.removesuffix(f" {place}")


def _district_office(facts: ReportFacts) -> str:
    """Return the office of the district that the plan names, or its committee."""
    plan = facts.reference.plan
    for role in ("district_office", "district_committee"):
        if holder := plan.role_on(role, facts.on):
            name = holder.name_in(facts.unit.kind).vi
            return name.removesuffix(" huyện").removesuffix(" thành phố")
    return facts.unit.title


def _recipients(facts: ReportFacts, words: Words) -> Sequence[str]:
    plan, unit = facts.reference.plan, facts.unit
    if unit.code == plan.unit:
        return _of_plan(plan)
    return [
        words.say(phrase("report.frame.to_report"), name=plan.document.issuer),
        words.say(phrase("report.frame.to_report"), name=words.say(phrase("report.frame.committee"), unit=unit.title)),
        words.say(phrase("report.frame.archive")),
    ]


def _of_plan(plan: Plan) -> Sequence[str]:
    """Return the entries of the plan's distribution list that get reports, what is archived last."""
    entries = sorted(plan.distribution, key=lambda entry: entry.receives == "archive")
    return [entry.text.rstrip(".;") for entry in entries if entry.receives != "alerts"]
