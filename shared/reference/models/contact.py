"""Contacts: the people who hold roles in units, and their addresses."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.bilingual import Language
from shared.contracts.refs import UnitCode
from shared.reference.models.record import Record, Role

type Address = Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]
type Digest = Literal["none", "daily", "weekly"]
type News = Literal["none", "weekly", "at_once"]


class Contact(Record):
    """A person or office that holds a role in a unit.

    From `quiet_from` to `quiet_until`, in Vietnam's time and also over midnight, notify sends urgent notices only.
    `services` are other messaging services as Apprise URLs.
    """

    role: Role
    unit: UnitCode
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    language: Language = "vi"
    digest: Digest = Field(default="none", description="Told at once, or together every day or every Monday at 07:30.")
    news: News = Field(
        default="weekly",
        description="What asks for nothing, such as good news: not told, in a digest every Monday at 07:30, or at once "
        "and by all channels that the plan offers.",
    )
    quiet_from: time | None = None
    quiet_until: time | None = None
    away_from: date | None = Field(default=None, description="The first day of a leave.")
    away_until: date | None = Field(default=None, description="Its last day, on which the substitute still stands in.")
    substitute: str | None = Field(
        default=None, max_length=200, description="The name of another contact of the unit, who is told meanwhile."
    )
    emails: list[Address] = Field(default=[], max_length=20)
    phones: list[Address] = Field(default=[], max_length=20)
    services: list[Address] = Field(default=[], max_length=20)
    sample: bool = False
    ended: list[Address] = Field(default=[], description="Of these addresses, those that were refused for good.")

    @model_validator(mode="after")
    def _quiet_hours_are_whole(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until need each other")
        return self

    def is_away(self, day: date) -> bool:
        """Say whether the contact is on leave on a day."""
        return self.away_from is not None and self.away_until is not None and self.away_from <= day <= self.away_until

    @property
    def recipient(self) -> str:
        """The role in the unit, such as `district_office@184`."""
        return f"{self.role}@{self.unit}"


class ContactsFile(Record):
    """The content of a file of contacts."""

    contacts: list[Contact]
