"""Verdicts on answers: unexplained failures, refusals that are not precise, words that are no Vietnamese."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from services.intake.doors.uploads import XLSX
from shared.http.app import language_in
from tests.fuzz.wire import PLAIN_REFUSAL, Answer, Sent

PROBLEM = "application/problem+json"
LIMIT_SECONDS = 10
_ANSWER_LIMIT = 1_000_000
"""The most bytes of an answer; the refusals of a thousand items take half of it."""
_TEXT_LIMIT = 3000

_DIACRITICS = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.IGNORECASE)
_OF_PYTHON = re.compile(
    r"\bNone\b|\bTrue\b|\bFalse\b|<class|object at 0x|Traceback|PydanticUndefined|Decimal\(|UUID\(|datetime\.|"
    r"codec can't|\b[A-Za-z]+(?:Error|Exception)\b|\bb'|\[type="
)
_OF_LIBRARIES = re.compile(
    r"Input should|should (?:be|have|match)|Field required|Expecting|Extra data|Unterminated|[Ii]nvalid |Exceeds the|"
    r"surrogate|\bline \d"
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def faults_of(sent: Sent, answer: Answer) -> Iterator[str]:
    """Return all errors of the answer to a request."""
    if answer.status >= 500:
        yield f"status {answer.status}"
    if len(answer.body) > max(_ANSWER_LIMIT, 20 * len(sent.body)):
        yield "an answer far larger than what was sent"
    if answer.status >= 400 and answer.headers.get("content-type") != XLSX:
        if answer.status == 400 and answer.body == PLAIN_REFUSAL:
            return
        if answer.headers.get("content-type") not in (PROBLEM, "application/x-ndjson"):
            yield f"a refusal of type {answer.headers.get('content-type')}"
        elif answer.headers["content-type"] == PROBLEM:
            document = _json(answer.body)
            language = language_of(sent)
            yield from document_faults(document, answer.status, language)
            for item in document.get("items", ()) if isinstance(document, dict) else ():
                yield from item_faults(item, language)


def language_of(sent: Sent) -> str:
    """Return the language that the sender prefers."""
    return language_in(sent.header("accept-language").decode("latin-1"))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def item_faults(item: Any, language: str) -> Iterator[str]:
    """Return the errors of a receipt or a refusal in an answer to several items."""
    if item.get("status") == "accepted":
        if len(item["id"]) != 36 or not re.fullmatch("jcs:[0-9a-f]{64}", item["digest"]):
            yield "a receipt without id or digest"
    else:
        yield from document_faults(item.get("problem"), None, language)


def document_faults(document: Any, status: int | None, language: str) -> Iterator[str]:
    """Return the errors of a problem document (RFC 9457)."""
    if not isinstance(document, dict):
        yield "no problem document"
        return
    if missing := {"type", "title", "status", "code"} - document.keys():
        yield f"a problem document without {', '.join(sorted(missing))}"
        return
    if status is not None and document["status"] != status:
        yield f"a problem of status {document['status']} with status {status}"
    if document["code"] == "failed":
        yield "the code failed"
    for name in ("title", "detail"):
        if name in document:
            yield from _text_faults(name, document[name], language)
    for entry in document.get("errors", ()):
        if not {"pointer", "code", "detail"} <= entry.keys():
            yield "an error without pointer, code or detail"
            continue
        if _UNPRINTABLE.search(entry["pointer"]):
            yield "an unprintable pointer"
        yield from _text_faults(f"detail of {entry['code']}", entry["detail"], language)


def _text_faults(name: str, text: str, language: str) -> Iterator[str]:
    if found := _OF_PYTHON.search(text) or (language == "vi" and _OF_LIBRARIES.search(text)):
        yield f"{name} speaks like a machine ({found[0]}): {text[:150]}"
    if _UNPRINTABLE.search(text):
        yield f"{name} cannot be printed: {text[:80]!r}"
    if len(text) > _TEXT_LIMIT:
        yield f"{name} has {len(text)} characters"
    if not text.strip():
        yield f"{name} is blank"
    if language == "vi" and not _DIACRITICS.search(text):
        yield f"{name} is no Vietnamese: {text[:150]}"
