"""The manifest of a backup: the versions, sequences and digests of all that it holds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

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

    schema_name: str
    name: str
    columns: list[str]
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

    @property
    def last_sequence(self) -> int:
        """The number of its last message."""
        return int(self.state["last_seq"])


class Manifest(BaseModel):
    """The manifest, the last entry of a backup."""

    format: Literal[1] = 1
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
    members: dict[str, Member]
    not_contained: list[str] = list(NOT_CONTAINED)
