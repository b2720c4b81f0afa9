"""The event and topic of an alert on one line, for lists of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.notify.wording.templates import words_of
from shared.contracts.alert import OccasionKind
from shared.contracts.bilingual import Language


def happened(kind: OccasionKind, event: str, body: Mapping[str, Any], language: Language) -> str:
    """Return the event and its topic in a few words: `chậm tiến độ tiêu chí 11 - Nghèo đa chiều`."""
    words = words_of(language)
    about = body.get("criterion")
    key, name = (about["key"], about["name"][language]) if isinstance(about, dict) else (about or "", "")
    if kind == "target":
        name = body["commitment"]["title"][language]
    criteria, _, number = key.rpartition("-")
    topic = words["subject_of"](
        kind, criteria, number, name or body.get("about", ""), body.get("kind") if kind == "problem" else None
    )
    return f"{words['happened'][kind][event]} {topic}".strip(" -")
