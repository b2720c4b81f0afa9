"""Units of the administrative tree, and their successions."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, NonNegativeInt

from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.refs import UnitCode
from shared.reference.models.record import Record, Term
from shared.texts import phrase

type UnitKind = Literal["province", "district", "city", "commune", "town", "ward"]

COMMUNE_LEVEL: tuple[UnitKind, ...] = ("commune", "ward", "town")
"""The kinds at the level of communes: xã, phường, thị trấn. Offices above them may count for themselves too."""

UNIT_KINDS: dict[UnitKind, Bilingual] = {
    "province": phrase("reference_units.unit_kinds.province"),
    "district": phrase("reference_units.unit_kinds.district"),
    "city": phrase("reference_units.unit_kinds.city"),
    "commune": phrase("reference_units.unit_kinds.commune"),
    "town": phrase("reference_units.unit_kinds.town"),
    "ward": phrase("reference_units.unit_kinds.ward"),
}
"""The names of the kinds."""


class Unit(Record):
    """A place or office in the tree, from `valid_from` to `valid_to` (both included; None: it still exists).

    `key` belongs to one unit for ever; codes are used again (06040 was a commune, then a town).
    """

    key: int
    code: UnitCode
    name: str
    kind: UnitKind
    parent: int | None
    valid_from: date
    valid_to: date | None = None

    def is_valid(self, on: date) -> bool:
        """Say whether the unit exists on that day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def last_day(self, on: date) -> date:
        """Return the day, or the unit's last day where it has ended by then."""
        return on if self.valid_to is None else min(on, self.valid_to)

    @property
    def title(self) -> str:
        """The name with its kind, as Vietnamese texts write it: `xã Điềm He`, `thành phố Lạng Sơn`."""
        return self.title_in("vi")

    def title_in(self, language: Language) -> str:
        """Return the name with its kind: `xã Điềm He` or `Điềm He commune`."""
        kind = UNIT_KINDS[self.kind]
        return f"{kind.vi} {self.name}" if language == "vi" else f"{self.name} {kind.en}"


class Succession(Record):
    """The end of a unit: merged as a `whole` into `new`, or split (`split_default`: `new` got the larger part)."""

    old: int
    new: int
    relation: Literal["whole", "split_default", "split_minor"]
    note: str | None = None


class UnitsFile(Record):
    """The content of `units.csv`."""

    rows: list[Unit]


class SuccessionsFile(Record):
    """The content of `successions.csv`."""

    rows: list[Succession]


class Tile(Record):
    """A unit's place on the tile map: row and column, counted from the north-west."""

    unit: int
    at: tuple[NonNegativeInt, NonNegativeInt]


class TilesFile(Record):
    """The content of `tiles.yaml`. `verified`: whether the arrangement was taken from a source."""

    verified: bool
    source: str
    tiles: list[Tile]


class UnitList(Term):
    """The communes that a decision names as a group, for as long as the decision holds."""

    units: list[UnitCode] = Field(default=[], description="Communes. Empty: the decision's list was not read.")
    verified: bool
    source: str


class UnitGroup(Record):
    """Communes of a kind, such as the extremely difficult ones: a list by each decision, one after the other."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Bilingual
    ends_with: str | None = Field(
        default=None, description="The criteria set by which a recognised commune leaves the group for good."
    )
    lists: list[UnitList] = Field(min_length=1)


class GroupsFile(Record):
    """The content of `groups.yaml`."""

    groups: list[UnitGroup]
