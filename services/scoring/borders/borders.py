"""The borders of communes that the map draws in place of their tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.scoring.borders.faults import BorderError, UnusableBordersError
from services.scoring.borders.geojson import Feature, read_features
from services.scoring.borders.outline import Outline, Projection, outline
from services.scoring.texts import phrase
from shared.reference.models import Unit
from shared.reference.models.units import COMMUNE_LEVEL
from shared.reference.units import Units
from shared.texts import filled

MOST_CHARACTERS = 1_000_000
"""The longest that all paths may be together: what a page loads, and keeps."""


@dataclass(frozen=True, slots=True)
class Borders:
    """The outlines of units, by the units' keys."""

    outlines: Mapping[int, Outline]
    digest: str

    @classmethod
    def none(cls) -> Self:
        """Return the borders of a system without a file of them."""
        return cls({}, "")

    @classmethod
    def read(cls, file: Path, units: Units) -> Self:
        """Read and draw the borders of a GeoJSON file, which may take seconds.

        UnusableBordersError names the faults of a file that cannot be used.
        """
        try:
            features, faults = read_features(file)
            by_key, unknown = _by_unit(features, units)
            if faults or unknown:
                raise UnusableBordersError(str(file), [*faults, *unknown])
            projection = Projection.of([polygon for feature in by_key.values() for polygon in feature.polygons])
            outlines = {key: outline(feature.polygons, projection) for key, feature in by_key.items()}
            if sum(len(one.path) for one in outlines.values()) > MOST_CHARACTERS:
                raise BorderError("", phrase("borders.too_fine"), phrase("borders.simplify"))
        except BorderError as fault:
            raise UnusableBordersError(str(file), [fault]) from fault
        return cls(outlines, hashlib.sha256(repr(outlines).encode()).hexdigest())

    def version(self, units: Sequence[Unit]) -> str | None:
        """Return a mark that changes with the borders of these units; None where none of them has one."""
        drawn = [str(unit.key) for unit in units if unit.key in self.outlines]
        return hashlib.sha256(" ".join([self.digest, *drawn]).encode()).hexdigest()[:32] if drawn else None


def _by_unit(features: Sequence[Feature], units: Units) -> tuple[dict[int, Feature], list[BorderError]]:
    """Return each unit's feature by the unit's key, and the faults of features that have no unit to themselves."""
    by_key: dict[int, Feature] = {}
    faults = []
    for feature in features:
        try:
            unit = _unit(feature, units)
            if first := by_key.get(unit.key):
                problem = filled(phrase("borders.twice"), unit=unit.title, place=first.place)
                raise BorderError(feature.place, problem, phrase("borders.join_its_parts"), feature.code)
            by_key[unit.key] = feature
        except BorderError as fault:
            faults.append(fault)
    return by_key, faults


def _unit(feature: Feature, units: Units) -> Unit:
    """Return the unit that a feature means. BorderError where there is none, or it may be one of several."""
    known = units.known(feature.code)
    place, remedy = f"{feature.place}.properties", phrase("borders.name_a_unit")
    if not known:
        raise BorderError(f"{place}.code", phrase("borders.unknown_code"), remedy, feature.code)
    listed = "; ".join(f"{unit.title}: {unit.valid_from} – {unit.valid_to or '…'}" for unit in known)
    if feature.on is None and len(known) > 1:
        problem = filled(phrase("borders.several_units"), units=listed)
        raise BorderError(f"{place}.code", problem, phrase("borders.write_the_day"), feature.code)
    unit = known[0] if feature.on is None else units.find(feature.code, feature.on)
    if unit is None:
        problem = filled(phrase("borders.no_unit_then"), units=listed)
        raise BorderError(f"{place}.on", problem, phrase("borders.write_the_day"), f"{feature.code}, {feature.on}")
    if unit.kind not in COMMUNE_LEVEL:
        raise BorderError(f"{place}.code", filled(phrase("borders.no_commune"), unit=unit.title), remedy, feature.code)
    return unit
