"""The words by which operators are told of troubles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

from shared.contracts.bilingual import Bilingual, Language
from shared.masking import mask
from shared.text import moment
from shared.texts import filled, phrase

type Standing = Literal["raised", "lasts", "ended"]


class Told(NamedTuple):
    """A trouble of a service as operators are told of it."""

    service: str
    code: str
    standing: Standing
    since: datetime
    ended_at: datetime | None
    words: Bilingual
    remedy: Bilingual
    details: Bilingual | None


class Letter(NamedTuple):
    """A mail without its addresses."""

    subject: str
    text: str


def letter(troubles: Sequence[Told]) -> Letter:
    """Return the mail about troubles: each code once, those that ended last; in Vietnamese, then in English."""
    ordered = sorted(troubles, key=lambda told: (told.standing == "ended", told.code, told.service))
    groups = [list(group) for _, group in groupby(ordered, key=lambda told: (told.standing == "ended", told.code))]
    first = groups[0][0]
    subject = phrase("operations.subject_ended") if first.standing == "ended" else phrase("operations.subject")
    more = filled(phrase("operations.subject_more"), count=len(groups) - 1).vi if len(groups) > 1 else ""
    return Letter(
        _line(filled(subject, words=first.words).vi + more),
        mask("\n\n----------\n\n".join(_text(groups, language) for language in ("vi", "en"))),
    )


def _text(groups: Sequence[Sequence[Told]], language: Language) -> str:
    parts = [getattr(phrase("operations.intro"), language)]
    parts += [_entry(group, language) for group in groups]
    return "\n\n".join([*parts, getattr(phrase("operations.closing"), language)])


def _entry(group: Sequence[Told], language: Language) -> str:
    first = group[0]
    services = ", ".join(told.service for told in group)
    heads = {
        "raised": phrase("operations.head"),
        "lasts": phrase("operations.head_lasts"),
        "ended": phrase("operations.head_ended"),
    }
    lines = [filled(heads[first.standing], words=first.words, code=first.code, services=services)]
    since = min(told.since for told in group)
    if first.standing == "ended":
        ended = max(told.ended_at or told.since for told in group)
        lines.append(filled(phrase("operations.from_to"), since=moment(since), until=moment(ended)))
        return "\n  ".join(getattr(line, language) for line in lines)
    lines.append(filled(phrase("operations.since"), since=moment(since)))
    for told in group:
        if told.details:
            one = Bilingual(vi=_line(told.details.vi), en=_line(told.details.en))
            lines.append(filled(phrase("operations.details"), service=told.service, details=one))
    lines.append(filled(phrase("operations.to_do"), remedy=first.remedy))
    return "\n  ".join(getattr(line, language) for line in lines)


def _line(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())


def document(troubles: Sequence[Told]) -> dict[str, Any]:
    """Return the body of a webhook call about troubles."""
    return {
        "type": "operations",
        "data": [
            {
                "service": told.service,
                "code": told.code,
                "standing": told.standing,
                "since": told.since.isoformat(),
                "ended_at": told.ended_at and told.ended_at.isoformat(),
                "words": told.words.model_dump(),
                "remedy": told.remedy.model_dump(),
                "details": told.details and {"vi": mask(told.details.vi), "en": mask(told.details.en)},
            }
            for told in troubles
        ],
    }
