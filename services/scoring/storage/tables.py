"""The tables of schema `scoring`. All of it derives from the stream of submissions and can be made again from it.

Units are named by their surrogate key: a commune's history survives its code.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, Index, Numeric, Text, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.service.outbox import OutboxColumns
from shared.service.parking import ParkedColumns

SCHEMA = "scoring"

_moment: Any = TIMESTAMP(timezone=True)
_numeric: Any = Numeric()
_json: Any = JSONB(none_as_null=True)
_from_zero: Any = {"server_default": "0"}
"""Processes of the version before, which may still run, do not know the column."""


class _Table(SQLModel):
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class SubmissionRow(_Table, table=True):
    """Every submission that was scored, as a whole: table and stream can each restore what the other lost."""

    __tablename__ = "submission"
    __table_args__: ClassVar[Any] = (Index("submission_unit", "unit"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    agency: str
    unit: int
    period: str
    received_at: datetime = Field(sa_type=_moment)
    digest: str
    body: str = Field(sa_type=Text, description="The message's JSON to the byte: a damaged stream is repaired by it.")
    signature: str | None = Field(default=None, description="The message's signature; None from before signing began.")


class TakenBackRow(_Table, table=True):
    """The withdrawal or the return of a submission, which may not have come yet."""

    __tablename__ = "taken_back"

    id: UUID = Field(primary_key=True)
    submission: UUID = Field(index=True)
    unit: int = Field(index=True)
    at: datetime = Field(sa_type=_moment)
    withdrawn: bool = Field(description="False: it was returned to its sender.")
    agency: str
    reason: str


class ReadingRow(_Table, table=True):
    """An element's value for a unit and period, after corrections."""

    __tablename__ = "reading"
    __table_args__: ClassVar[Any] = (
        Index("reading_known_early", "unit", "element", postgresql_where=text("known_from < ends")),
        {"schema": SCHEMA},
    )

    unit: int = Field(primary_key=True)
    element: str = Field(primary_key=True)
    ends: date = Field(
        primary_key=True, description="The period's last day, by which readings too old for the plan are left out."
    )
    period: str = Field(primary_key=True)
    value: Decimal = Field(sa_type=_numeric)
    stage: str
    revision: int
    received_at: datetime = Field(sa_type=_moment)
    known_from: date
    submission: UUID
    warnings: list[dict[str, Any]] | None = Field(
        default=None, sa_type=_json, description="The warnings about it when it was accepted; mostly none."
    )


class FigureVersionRow(_Table, table=True):
    """The version of a unit's figures: the transactions that have stored submissions for it, or taken some back."""

    __tablename__ = "figure_version"

    unit: int = Field(primary_key=True)
    number: int


class StatusRow(_Table, table=True):
    """The status of a commune's criterion; its reasons are worked out from the readings when they are asked for.

    `holds_until`: the last day on which the status holds unless figures arrive.
    """

    __tablename__ = "status"
    __table_args__: ClassVar[Any] = (Index("status_holds_until", "holds_until"), {"schema": SCHEMA})

    unit: int = Field(primary_key=True)
    criterion: str = Field(primary_key=True)
    status: str
    since: date
    judged_on: date
    holds_until: date | None
    overdue: list[str] = Field(sa_type=_json, description="The periods of reports that are due and have not come.")
    series_from: date | None = Field(
        default=None, description="The day of the break after which its newest figures were counted; none before any."
    )
    contradictory: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="Whether its newest figures cannot stand together.",
    )
    reported_from: date | None = Field(default=None, description="The day of the first report on the criterion.")
    reported: list[str] | None = Field(
        default=None,
        sa_type=_json,
        description="The newest period of each length for which one came; none where nobody has looked, so that the "
        "next verdict looks at all figures.",
    )


class IncrementRow(_Table, table=True):
    """An increment: what a day adds to a commitment of a district or the province, summed over the units below it."""

    __tablename__ = "step"

    plan: str = Field(primary_key=True, description="The plan's id.")
    commitment: str = Field(primary_key=True)
    unit: int = Field(primary_key=True)
    on: date = Field(primary_key=True)
    numerator: Decimal = Field(sa_type=_numeric)
    denominator: Decimal = Field(sa_type=_numeric)
    units: int
    reports: int = Field(sa_column_kwargs=_from_zero)
    stale: int = Field(sa_column_kwargs=_from_zero)
    compared_units: int = Field(sa_column_kwargs=_from_zero)
    before_numerator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)
    before_denominator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)
    new_numerator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)
    new_denominator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)
    first_numerator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)
    first_denominator: Decimal = Field(sa_type=_numeric, sa_column_kwargs=_from_zero)


class RefillRow(_Table, table=True):
    """A table that scoring is to fill again: a migration has left it so, or it is damaged."""

    __tablename__ = "refill"

    name: str = Field(primary_key=True)


class TargetRow(_Table, table=True):
    """The status of a district's or the province's commitment."""

    __tablename__ = "target"
    __table_args__: ClassVar[Any] = (
        Index("target_holds_until", "holds_until"),
        Index("target_moved", "moved", postgresql_where=text("moved")),
        {"schema": SCHEMA},
    )

    plan: str = Field(primary_key=True, description="The plan's id.")
    commitment: str = Field(primary_key=True)
    unit: int = Field(primary_key=True)
    status: str
    since: date
    judged_on: date
    holds_until: date | None
    overdue: list[str] | None = Field(
        sa_type=_json, description="The periods of overdue reports, while it has no value. None: it was never judged."
    )
    series_from: date | None = Field(
        default=None, description="The day of the break after which its newest figures were counted; none before any."
    )
    moved: bool = Field(description="Its increments have changed since it was judged.")
    moved_from: date | None = Field(
        default=None, description="Where they have: the first day on which the sum is another one; none: nobody knows."
    )
    path_from: date | None = Field(
        default=None, description="No value of a day before this one leads its path; none: no such day is known."
    )


class ChangeRow(_Table, table=True):
    """Every change that was published, in order."""

    __tablename__ = "change"
    __table_args__: ClassVar[Any] = (
        Index("change_unit", "unit", "topic"),
        Index("change_submission", "submission"),
        {"schema": SCHEMA},
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    id: UUID = Field(unique=True)
    unit: int
    topic: str = Field(description="The criterion's key or the commitment's id.")
    event: str
    before: str
    after: str
    on: date
    at: datetime = Field(sa_type=_moment)
    submission: UUID | None
    body: dict[str, Any] = Field(sa_type=_json)


class PlanRow(_Table, table=True):
    """The plans that have begun: the state is judged by them. The newest is in force."""

    __tablename__ = "plan"

    plan: str = Field(primary_key=True, description="The plan's id.")
    since: datetime = Field(sa_type=_moment, description="The moment from which on the state is judged by it.")


class ReferenceRow(_Table, table=True):
    """The version of the reference data by which the state was judged: one row."""

    __tablename__ = "reference"

    number: int = Field(
        primary_key=True,
        sa_column_kwargs={"autoincrement": False},
        description="Its number in the stream REFERENCE; 0: the files that scoring was started with.",
    )
    digest: str | None
    since: datetime = Field(sa_type=_moment)
    judging: int | None = Field(
        default=None,
        description="The version of judging by which all of the state was judged; None: by programs that knew none.",
    )


class TickRow(_Table, table=True):
    """The days for which the daily tick has run."""

    __tablename__ = "tick"

    day: date = Field(primary_key=True)
    finished_at: datetime = Field(sa_type=_moment)


class ParkedRow(ParkedColumns, table=True):
    """Messages that could not be processed."""

    __tablename__ = "parked"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class OutboxRow(OutboxColumns, table=True):
    """Changes that are to be published."""

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}
