"""Files of borders as a province may put one beside the installation: rectangles in the places of the tiles."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

from shared.reference.load import load
from tests.running import START

WIDTH = 0.03
"""Of a rectangle, in degrees."""


def a_rectangle(west: float, north: float, width: float = WIDTH) -> list[list[float]]:
    east, south = west + width, north - width
    return [[west, north], [west, south], [east, south], [east, north], [west, north]]


def a_feature(code: Any = "06280", *rings: Any, on: Any = str(START), **changes: Any) -> dict[str, Any]:
    """Return a feature with a polygon of these rings; by default a rectangle."""
    geometry = {"type": "Polygon", "coordinates": list(rings) or [a_rectangle(106.6, 21.9)]}
    return {"type": "Feature", "properties": {"code": code, "on": on}, "geometry": geometry, **changes}


def a_collection(*features: Any, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features), **members}


def in_place_of_tiles(lacking: Collection[str] = (), on: date = START) -> dict[str, Any]:
    """Return a border for each unit that has a tile on a day, without those of some codes."""
    reference = load()
    assert reference.tiles
    features = []
    for tile in reference.tiles.tiles:
        unit, (row, column) = reference.units.by_key(tile.unit), tile.at
        if unit.is_valid(on) and unit.code not in lacking:
            features.append(a_feature(unit.code, a_rectangle(106 + column * WIDTH, 22.5 - row * WIDTH), on=str(on)))
    return a_collection(*features)


def written(folder: Path, content: Any) -> Path:
    """Write a file of borders; bytes as they are, anything else as JSON."""
    file = folder / "borders.geojson"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file
