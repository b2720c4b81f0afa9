"""Difficulties that a unit cannot solve by itself: their reports and answers.

The plan asks every unit to report them promptly (part IV). Faulty requests are problems (`shared.problems`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.refs import SentUnitCode, UnitRef
from shared.contracts.released_name import released_as

WORDS_LIMIT = 4000

Words = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=WORDS_LIMIT, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
]
"""Text that people write. It is plain text, never markup: whoever shows it has to escape it."""


@released_as("ProblemKind")
class DifficultyKind(StrEnum):
    """The field that a difficulty concerns."""

    FUNDING = "funding"
    STAFF = "staff"
    GUIDANCE = "guidance"
    DATA = "data"
    INFRASTRUCTURE = "infrastructure"
    DISASTER = "disaster"
    OTHER = "other"


@released_as("ProblemReport")
class DifficultyReport(BaseModel):
    """A unit's report of a difficulty: the body of `POST /v1/problems`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "unit": "06280",
                    "criterion": "ntm-12",
                    "kind": "funding",
                    "words": "Chưa được bố trí kinh phí mở lớp đào tạo nghề quý III.",
                    "contact": "Công chức LĐTBXH xã Điềm He",
                }
            ]
        },
    )

    unit: SentUnitCode
    criterion: str | None = Field(
        default=None, max_length=40, description="Key such as `ntm-12`; none: it concerns no single criterion."
    )
    kind: DifficultyKind
    words: Words
    contact: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="The person to ask; shown to everybody who may see the report.",
    )


@released_as("ProblemAnswer")
class DifficultyAnswer(BaseModel):
    """An answer to a difficulty: the body of `POST /v1/problems/{id}/answers`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: Words
    closes: bool = Field(
        default=False, strict=True, description="Whether the answer closes the difficulty, which is solved or has gone."
    )


@released_as("ProblemLogged")
class DifficultyLogged(BaseModel):
    """A report of a difficulty, or an answer to it: the body of `ntm.v1.problems.<unit>`."""

    id: UUID = Field(description="The event's own id.")
    problem: UUID = Field(description="The difficulty: the same in all its events.")
    event: Literal["problem_reported", "problem_answered"]
    at: AwareDatetime
    unit: UnitRef
    district: UnitRef | None
    criterion: str | None
    kind: DifficultyKind
    agency: str = Field(description="The agency that wrote the report or the answer.")
    agency_name: str | None = None
    words: str
    contact: str | None = None
    closes: bool = False
    reported_by: str = Field(description="The agency that reported the difficulty.")
