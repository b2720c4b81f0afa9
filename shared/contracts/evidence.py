"""Evidence (minh chứng): a file or a link that proves a figure, or how a unit fulfils a criterion in a period."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.period import Period
from shared.contracts.refs import UnitCode


class FileType(StrEnum):
    """The types of files that are evidence, known by their content."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class EvidenceFile(BaseModel):
    """A file whose bytes stand in the object store under their digest."""

    type: FileType
    bytes: int = Field(description="Its size.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its content, in hexadecimal.")


class Evidence(BaseModel):
    """A file or link that was attached, or taken back: the body of `ntm.v1.evidence.<district>.<unit>`."""

    id: UUID
    unit: UnitCode
    unit_key: int = Field(description="The unit's own key for ever; its code may be used again.")
    district: UnitCode | None = Field(description="The unit's district at that period.")
    period: Period
    submission: UUID | None = Field(
        default=None, description="The submission whose figures it proves; none: it is about the criterion as a whole."
    )
    element: str | None = Field(default=None, description="The one figure of the submission that it proves.")
    criteria: list[str] = Field(description="The criteria that it is about, such as `ntm-11`.")
    name: str = Field(description="The file's name, or what people call the link. It is plain text.")
    file: EvidenceFile | None = None
    link: str | None = Field(default=None, description="An address with https. The system never opens it.")
    host: str | None = Field(default=None, description="The host of the link, as people have to see it.")
    agency: str
    agency_name: str | None = None
    key: str | None = None
    at: AwareDatetime
    withdraws: UUID | None = Field(default=None, description="The evidence that this message takes back.")
    reason: str | None = Field(default=None, description="Why it was taken back.")
