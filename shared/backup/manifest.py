"""The manifest of a backup: the versions, sequences and digests of all that it holds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from shared.contracts import subjects

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
"""The name of a schema, a table or a column."""

NOT_CONTAINED = (
    "the broker's users, their seeds and the keys that sign messages",
    "secrets.json or .env with the passwords and NTM_LINK_SECRET",
    "the contacts' file, and reference data in a folder of your own",
    "the backup's own identity",
)
"""Secrets and files that restoring needs beside the backup."""


class Member(BaseModel):
    """A table's rows, or a stream's snapshot, as the backup holds it."""

    bytes: int
    sha256: str


class TableNote(BaseModel):
    """A table in a backup."""

    schema_name: Name
    name: Name
    columns: list[Name]
    rows: int

    @property
    def member(self) -> str:
        """The name of its rows in the backup."""
        return f"database/{self.schema_name}.{self.name}"


class StreamNote(BaseModel):
    """A stream in a backup."""

    name: str
    config: dict[str, Any]
    state: dict[str, Any]

    @property
    def member(self) -> str:
        """The name of its snapshot in the backup."""
        return f"streams/{self.name}"

    @field_validator("state")
    @classmethod
    def _says_where_it_ends(cls, state: dict[str, Any]) -> dict[str, Any]:
        if not all(isinstance(state.get(name), int) for name in ("messages", "last_seq")):
            raise ValueError("no number of messages, or none of the last one")
        return state

    @property
    def last_sequence(self) -> int:
        """The number of its last message."""
        return int(self.state["last_seq"])


class Manifest(BaseModel):
    """The manifest, the last entry of a backup."""

    format: Literal[1, 2] = 1
    """2: with files of evidence, which earlier programs do not know."""
    program: str
    """The version of the program that made it."""
    made_at: AwareDatetime
    """The moment of the database's snapshot."""
    clock: Literal["real", "simulated"]
    kind: str | None = None
    """The content of a local system's `kind.json`."""
    heads: dict[str, str]
    """The newest migration of each schema."""
    tables: list[TableNote]
    """In an order in which no row comes before one that it refers to."""
    sequences: dict[str, int | None]
    """The last number that each sequence of the database has given; None: none yet."""
    consumers: dict[str, dict[str, int]]
    """By stream and consumer: the number up to which all was acknowledged before the database's snapshot."""
    streams: list[StreamNote]
    evidence: list[str] = []
    """The digests of the files of evidence."""
    evidence_lacking: list[str] = []
    """The names, with digests, of files that were missing or changed when the backup was made."""
    members: dict[str, Member]
    not_contained: list[str] = list(NOT_CONTAINED)

    def contradiction(self) -> str | None:
        """Return the name of something that the manifest names in one place and not in another, as after a change by
        hand; None where all fits.
        """
        if not self.tables:
            return "database"
        for table in self.tables:
            if table.schema_name not in self.heads or table.member not in self.members:
                return table.member
        for stream in self.streams:
            is_known = stream.name in subjects.STREAMS and stream.config.get("name") == stream.name
            if not is_known or stream.member not in self.members:
                return stream.member
        named = {table.member for table in self.tables} | {stream.member for stream in self.streams}
        files = {f"evidence/{digest}" for digest in self.evidence}
        lacking = files - self.members.keys()
        return next((member for member in self.members if member not in named | files), next(iter(lacking), None))
