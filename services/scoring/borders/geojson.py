"""Reading a GeoJSON file (RFC 7946) of borders: one feature for each unit, in degrees of WGS 84."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from services.scoring.borders.faults import BorderError
from services.scoring.texts import phrase
from shared.strict_json import StrictDecoder
from shared.texts import filled

MOST_BYTES = 20_000_000

type Point = tuple[float, float]
"""Longitude and latitude; on the map: right and down from the north-west."""

type Ring = list[Point]
"""A closed line, whose last point is its first."""

type Polygon = list[Ring]
"""The line around it, then those around its holes."""

_WEST, _EAST, _SOUTH, _NORTH = 102, 118, 6, 24
"""Around Vietnam with its islands: what lies outside is in metres, has its numbers in the other order, or is a slip."""

_WGS_84 = re.compile(r"(?:.*[:/])?(?:CRS84|4326|WGS ?84)", re.IGNORECASE)
_CODE = re.compile(r"[0-9]{2}(?:[0-9]|[0-9]{3})?")
_FEWEST_POINTS = 4
_NO_AREA = 1e-12
"""In square degrees: a hundredth of a square metre."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A unit's border as the file has it."""

    place: str
    """Its place in the file, such as `features[3]`."""
    code: str
    on: date | None
    """A day on which the code is this unit's, since codes are used again."""
    polygons: list[Polygon]


def read_features(file: Path) -> tuple[list[Feature], list[BorderError]]:
    """Return the features of a file that can be used, and the faults of the others: one for each.

    Raises BorderError where the file as a whole cannot be used.
    """
    document = _parsed(_content(file))
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise BorderError("", phrase("borders.no_collection"), phrase("borders.make_a_collection"))
    if "crs" in document:
        _check_reference_system(document["crs"])
    listed = document.get("features")
    if not isinstance(listed, list) or not listed:
        raise BorderError("features", phrase("borders.no_features"), phrase("borders.make_a_collection"))
    features, faults = [], []
    for number, one in enumerate(listed):
        try:
            features.append(_feature(f"features[{number}]", one))
        except BorderError as fault:
            faults.append(fault)
    return features, faults


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BorderError("", phrase("borders.cannot_be_read"), phrase("borders.name_a_file"), str(error)) from error
    if len(content) > MOST_BYTES:
        megabytes = f"{MOST_BYTES // 1_000_000} MB"
        raise BorderError("", filled(phrase("borders.too_large"), most=megabytes), phrase("borders.simplify"))
    return content


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content, cls=StrictDecoder)
    except (ValueError, RecursionError) as error:
        raise BorderError("", phrase("borders.no_json"), phrase("borders.export_again"), str(error)) from error


def _check_reference_system(crs: Any) -> None:
    """Refuse a reference system other than WGS 84, which older programs name beside the features."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _WGS_84.fullmatch(name.strip()):
        found = name if isinstance(name, str) else crs
        raise BorderError("crs", phrase("borders.other_crs"), phrase("borders.export_in_wgs_84"), found or "null")


def _feature(place: str, one: Any) -> Feature:
    if not isinstance(one, dict) or one.get("type") != "Feature":
        raise BorderError(place, phrase("borders.no_feature"), phrase("borders.make_a_collection"))
    properties = one.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    if "code" not in properties:
        found = ", ".join(properties) or None
        raise BorderError(f"{place}.properties", phrase("borders.no_code"), phrase("borders.write_the_code"), found)
    code = properties["code"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        found = "null" if code is None else code
        raise BorderError(
            f"{place}.properties.code", phrase("borders.not_a_code"), phrase("borders.write_the_code"), found
        )
    return Feature(place, code, _day(place, properties.get("on")), _polygons(f"{place} ({code})", one.get("geometry")))


def _day(place: str, on: Any) -> date | None:
    if on is None:
        return None
    try:
        return date.fromisoformat(on.replace("/", "-"))
    except (AttributeError, ValueError):
        raise BorderError(
            f"{place}.properties.on", phrase("borders.no_day"), phrase("borders.write_the_day"), on
        ) from None


def _polygons(place: str, geometry: Any) -> list[Polygon]:
    place = f"{place}.geometry"
    kind, coordinates = (
        (geometry.get("type"), geometry.get("coordinates")) if isinstance(geometry, dict) else (None, None)
    )
    if kind not in ("Polygon", "MultiPolygon"):
        found = "null" if geometry is None else kind
        raise BorderError(place, phrase("borders.no_polygon"), phrase("borders.export_polygons"), found)
    place = f"{place}.coordinates"
    if kind == "Polygon":
        return [_polygon(place, coordinates)]
    return [_polygon(f"{place}[{number}]", one) for number, one in enumerate(_list(place, coordinates))]


def _polygon(place: str, rings: Any) -> Polygon:
    outer, *holes = [_ring(f"{place}[{number}]", ring) for number, ring in enumerate(_list(place, rings))]
    (west, south), (east, north) = bounds(outer)
    for number, hole in enumerate(holes, 1):
        (left, low), (right, high) = bounds(hole)
        if left < west or low < south or right > east or high > north:
            raise BorderError(f"{place}[{number}]", phrase("borders.hole_outside"), phrase("borders.mend_the_geometry"))
    return [outer, *holes]


def _ring(place: str, positions: Any) -> Ring:
    ring = [_point(f"{place}[{number}]", position) for number, position in enumerate(_list(place, positions))]
    if len(ring) < _FEWEST_POINTS:
        raise BorderError(place, phrase("borders.too_few_points"), phrase("borders.mend_the_geometry"), len(ring))
    if ring[0] != ring[-1]:
        found = f"{list(ring[0])} … {list(ring[-1])}"
        raise BorderError(place, phrase("borders.not_closed"), phrase("borders.mend_the_geometry"), found)
    if abs(area(ring)) < _NO_AREA:
        raise BorderError(place, phrase("borders.no_area"), phrase("borders.mend_the_geometry"), list(ring[0]))
    return ring


def _point(place: str, position: Any) -> Point:
    match position:
        case [int() | float() as x, int() | float() as y, *_] if not isinstance(x, bool) and not isinstance(y, bool):
            if _WEST <= x <= _EAST and _SOUTH <= y <= _NORTH:
                return float(x), float(y)
            raise BorderError(place, phrase("borders.outside"), phrase("borders.export_in_wgs_84"), [x, y])
    raise BorderError(place, phrase("borders.no_position"), phrase("borders.mend_the_geometry"), position)


def _list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BorderError(place, phrase("borders.no_list"), phrase("borders.mend_the_geometry"), value)
    return value


def bounds(points: Sequence[Point]) -> tuple[Point, Point]:
    """Return the least and the greatest numbers of some points."""
    across, along = [x for x, _ in points], [y for _, y in points]
    return (min(across), min(along)), (max(across), max(along))


def area(ring: Sequence[Point]) -> float:
    """Return the area within a closed line; negative where the line goes round the other way."""
    x0, y0 = ring[0]
    return sum((ax - x0) * (by - y0) - (bx - x0) * (ay - y0) for (ax, ay), (bx, by) in pairwise(ring)) / 2
