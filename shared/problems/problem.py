"""A problem as it is raised, and its RFC 9457 document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.bilingual import Bilingual, Language
from shared.masking import without_keys
from shared.problems.faults import Faults, in_words
from shared.problems.kinds import Problems
from shared.text import storable

FAULT_LIMIT = 100
"""The most faults that one problem document lists; `omitted` counts the others."""

_POINTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """A faulty field: its JSON pointer, the kind of fault, and the details for the text.

    A fault of a workbook also has its sheet and cell, such as C7.
    """

    pointer: str
    kind: Faults
    details: dict[str, Any] = field(default_factory=dict)
    sheet: str | None = None
    cell: str | None = None

    def text(self, language: Language) -> str:
        """Say what is wrong and how to correct it."""
        return in_words(self.kind.value, self.details, language)

    def document(self, language: Language) -> dict[str, object]:
        """Return the fault's entry in a problem document; a workbook's fault names sheet and cell."""
        entry: dict[str, object] = {
            "pointer": storable(without_keys(self.pointer)[:_POINTER_LENGTH]),
            "code": self.kind.code,
            "detail": self.text(language),
        }
        return entry if self.cell is None else {**entry, "sheet": self.sheet, "cell": self.cell}


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """The reason why a request cannot be done, with everything that its problem document says."""

    def __init__(
        self,
        kind: Problems,
        *faults: Fault,
        detail: Bilingual | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.faults = faults[:FAULT_LIMIT]
        self.omitted = len(faults) - len(self.faults)
        self.detail = detail
        self.headers = headers or {}
        self.instance: str | None = None
        """The address at which the record of this refusal can be read."""

    def document(self, language: Language) -> dict[str, object]:
        """Return the RFC 9457 problem document, with one entry for each faulty field."""
        document: dict[str, object] = {
            "type": f"urn:ntm:problem:{self.kind.code}",
            "title": self.kind.title.in_(language),
            "status": self.kind.http_status,
            "code": self.kind.code,
        }
        if self.instance:
            document["instance"] = self.instance
        if self.detail:
            document["detail"] = self.detail.in_(language)
        elif self.faults:
            document["detail"] = self.faults[0].text(language)
        if self.faults:
            document["errors"] = [fault.document(language) for fault in self.faults]
        if self.omitted:
            document["omitted"] = self.omitted
        return document


def bad_parameter(name: str, value: object, expected: object) -> Problem:
    """Return problem 400 for a parameter of a request whose value is none of those expected."""
    details = {"value": value, "expected": expected}
    return Problem(Problems.INVALID_QUERY, Fault(f"/{name}", Faults.BAD_PARAMETER, details))


def unknown_unit(pointer: str, code: str) -> Problem:
    """Return problem 422 for a query or a body that names no known unit. Only one that the path names is 404."""
    return Problem(Problems.REFUSED, Fault(pointer, Faults.UNKNOWN_UNIT, {"value": code}))


def no_such_unit(pointer: str, code: str) -> Problem:
    """Return problem 404 for a path that names no known unit, with the same fault as elsewhere."""
    return Problem(Problems.NOT_FOUND, Fault(pointer, Faults.UNKNOWN_UNIT, {"value": code}))


def faulty_fields(faults: Sequence[Fault]) -> Problem:
    """Return the problem of faulty fields: 422 where one of them names no known unit, as everywhere, else 400."""
    is_unknown = any(fault.kind is Faults.UNKNOWN_UNIT for fault in faults)
    return Problem(Problems.REFUSED if is_unknown else Problems.INVALID_QUERY, *faults)
