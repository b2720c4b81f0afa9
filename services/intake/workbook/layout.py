"""The content of a template: its elements and units, and their places in the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from services.intake.workbook.columns import REMARK
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.reference.models import COMMUNE_LEVEL, Element, Unit
from shared.spreadsheet.grid import Cell

TEMPLATE_VERSION = "1"

TITLE_ROW, NOTE_ROW, NAME_ROW, LIMIT_ROW, CODE_ROW, FIRST_ROW = 1, 2, 4, 5, 6, 7


@dataclass(frozen=True, slots=True)
class PreviousFigure:
    """An earlier figure, shown beside the cell to fill in; with its period where that is known."""

    value: Decimal
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A row: a unit, the elements counted there, its earlier figures, its filled cells (none in a blank template)."""

    row: int
    code: str
    name: str
    district: str
    counted: frozenset[str]
    previous: Mapping[str, PreviousFigure] = field(default_factory=dict)
    filled: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """The template that is asked for; `criteria` as in its address: `ntm-11`, `ntm-11,ntm-12` or `all`."""

    unit: Unit
    period: Period
    criteria: str
    stage: Stage = Stage.REPORTED


@dataclass(frozen=True, slots=True)
class Layout:
    """The content of a template."""

    asked: TemplateRequest
    elements: tuple[Element, ...]
    units: tuple[Unit, ...]
    has_districts: bool
    """Say whether the units lie in several districts."""

    @property
    def fixed(self) -> tuple[str, ...]:
        """The codes of the columns before the elements."""
        return ("unit", "name", "district") if self.has_districts else ("unit", "name")

    @property
    def codes(self) -> tuple[str, ...]:
        """The row of codes from column A on: beside each element's column stands the column of its earlier figure."""
        pairs = ((element.code, f"{REMARK}{element.code}") for element in self.elements)
        return (*self.fixed, *(code for pair in pairs for code in pair))

    def column(self, element: Element) -> int:
        """Return the column in which an element's figures are filled in; 1 is A."""
        return len(self.fixed) + 1 + 2 * self.elements.index(element)


def plan_layout(reference: Reference, asked: TemplateRequest, elements: Iterable[Element]) -> Layout | None:
    """Return the template of some elements; None where none of them is counted in the unit for such periods.

    The template has a row for each commune, ward and town below the unit in which an element is counted, and a row for
    the unit itself where an element is counted there directly.
    """
    unit, period = asked.unit, asked.period
    reported = [element for element in elements if period.granularity in element.periods]
    places = reference.units.communes(period.end, unit.code, COMMUNE_LEVEL)
    below = sorted(places, key=lambda place: _order(place, reference))
    candidates = below if unit in below else [*below, unit]
    units = [place for place in candidates if any(place.kind in element.counted_in for element in reported)]
    kinds = {place.kind for place in units}
    counted = [element for element in reported if not kinds.isdisjoint(element.counted_in)]
    if not units:
        return None
    districts = {reference.units.district(place) for place in units if place is not unit}
    return Layout(asked, tuple(counted), tuple(units), len(districts) > 1)


def blank_lines(
    layout: Layout, reference: Reference, previous: Mapping[tuple[int, str], PreviousFigure] | None = None
) -> list[TemplateLine]:
    """Return the rows of a blank template; `previous` by the unit's key and element."""
    known = previous or {}
    return [
        TemplateLine(
            row,
            unit.code,
            unit.title,
            _district(unit, reference),
            counted_in(unit, layout.elements),
            {
                element.code: earlier
                for element in layout.elements
                if (earlier := known.get((unit.key, element.code))) is not None
            },
        )
        for row, unit in enumerate(layout.units, FIRST_ROW)
    ]


def counted_in(unit: Unit, elements: Sequence[Element]) -> frozenset[str]:
    """Return the codes of the elements that are counted in a unit of this kind."""
    return frozenset(element.code for element in elements if unit.kind in element.counted_in)


def _order(unit: Unit, reference: Reference) -> tuple[str, bool, str]:
    """Return a key that orders units by district, the communes that the plan counts before the towns and wards."""
    district = reference.units.district(unit)
    return district.code if district else "", unit.kind not in reference.plan.counted_kinds, unit.code


def _district(unit: Unit, reference: Reference) -> str:
    district = reference.units.district(unit)
    return district.title if district and district is not unit else ""
