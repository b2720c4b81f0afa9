"""Drawing borders: degrees become places on the map, lines become shorter, polygons become SVG paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.scoring.borders.geojson import Point, Polygon, Ring, area, bounds

SIDE = 864
"""The longer side of the map, as wide as the map of tiles, whose texts and lines it shares."""

_TOLERANCE = 0.4
_DECIMALS = 1
_NEAR = 0.2
_AT_ONCE = 128
"""The points that are thinned at once: however long a line, the work does not grow by the square of its length."""
_LEAST_AREA = 1.0
_SCANS = 9


@dataclass(frozen=True, slots=True)
class Outline:
    """A unit's border on the map."""

    path: str
    """The data of an SVG path; holes are left out by the rule `evenodd`."""
    at: Point
    """A point within it, with room for a sign."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Where a point lies on the map: equirectangular, true to scale along the middle, which does for a province."""

    west: float
    north: float
    across: float
    """On the map, for each degree of longitude."""
    along: float
    """On the map, for each degree of latitude."""

    @classmethod
    def of(cls, polygons: Sequence[Polygon]) -> Projection:
        """Return the projection by which the polygons fill the map."""
        (west, south), (east, north) = bounds([point for outer, *_ in polygons for point in bounds(outer)])
        narrowing = math.cos(math.radians((south + north) / 2))
        scale = SIDE / max((east - west) * narrowing, north - south)
        return cls(west, north, scale * narrowing, scale)

    def ring(self, ring: Ring) -> Ring:
        """Return the places of a line on the map."""
        return [((x - self.west) * self.across, (self.north - y) * self.along) for x, y in ring]


def outline(polygons: Sequence[Polygon], projection: Projection) -> Outline:
    """Return the border that some polygons of a unit make; parts too small to be seen are left out."""
    drawn = [polygon for polygon in (_drawn(polygon, projection) for polygon in polygons) if polygon]
    if not drawn:
        drawn = [[_dot(projection.ring(max((outer for outer, *_ in polygons), key=lambda ring: abs(area(ring)))))]]
    main = max(drawn, key=lambda polygon: abs(area(polygon[0])))
    (left, top), (right, bottom) = bounds([point for outer, *_ in drawn for point in outer])
    path = "".join(_path(ring) for polygon in drawn for ring in polygon)
    return Outline(path, _inner_point(main), (left, top, right, bottom))


def _drawn(polygon: Polygon, projection: Projection) -> Polygon:
    """Return the polygon on the map; nothing where it is too small."""
    outer, *holes = [_thinned(projection.ring(ring)) for ring in polygon]
    if abs(area(outer)) < _LEAST_AREA:
        return []
    return [outer, *(hole for hole in holes if abs(area(hole)) >= _LEAST_AREA)]


def _dot(ring: Ring) -> Ring:
    """Return a small square in the place of a unit that is too small to be seen."""
    x, y = (round(number, _DECIMALS) for number in ring[0])
    return [(x - 1, y - 1), (x + 1, y - 1), (x + 1, y + 1), (x - 1, y + 1), (x - 1, y - 1)]


def _thinned(ring: Ring) -> Ring:
    """Return a line of fewer points, by Ramer, Douglas and Peucker, that leaves the given one nowhere by much."""
    points = ring[:1]
    for x, y in ring[1:-1]:
        if abs(x - points[-1][0]) > _NEAR or abs(y - points[-1][1]) > _NEAR:
            points.append((x, y))
    points.append(ring[-1])
    kept = {0, len(points) - 1}
    step = min(_AT_ONCE, max(1, len(points) // 2))  # a closed line as a whole has no length to compare with
    for first in range(0, len(points) - 1, step):
        kept |= _corners(points, first, min(first + step, len(points) - 1))
    return [(round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in (points[number] for number in sorted(kept))]


def _corners(points: Ring, first: int, last: int) -> set[int]:
    """Return which points of a part of a line are needed to draw it."""
    needed, parts = {first, last}, [(first, last)]
    while parts:
        begin, end = parts.pop()
        farthest, distance = 0, _TOLERANCE
        for number in range(begin + 1, end):
            if (far := _distance(points[number], points[begin], points[end])) > distance:
                farthest, distance = number, far
        if farthest:
            needed.add(farthest)
            parts += [(begin, farthest), (farthest, end)]
    return needed


def _distance(point: Point, begin: Point, end: Point) -> float:
    """Return how far a point is from the straight line between two others."""
    (x, y), (ax, ay), (bx, by) = point, begin, end
    across, along = bx - ax, by - ay
    length = across * across + along * along
    share = 0.0 if not length else min(1.0, max(0.0, ((x - ax) * across + (y - ay) * along) / length))
    return math.hypot(x - ax - share * across, y - ay - share * along)


def _path(ring: Ring) -> str:
    return f"M{' '.join(f'{x:.{_DECIMALS}f},{y:.{_DECIMALS}f}' for x, y in ring[:-1])}Z"


def _inner_point(polygon: Polygon) -> Point:
    """Return the centre of a polygon, or where that lies outside, the middle of its widest place."""
    outer = polygon[0]
    x, y = _centre(outer)
    if any(left <= x <= right for left, right in _spans(polygon, y)):
        return round(x, _DECIMALS), round(y, _DECIMALS)
    (_, top), (_, bottom) = bounds(outer)
    heights = [top + (bottom - top) * (number + 0.5) / _SCANS for number in range(_SCANS)]
    spans = [
        (right - left, (left + right) / 2, height) for height in heights for left, right in _spans(polygon, height)
    ]
    _, x, y = max(spans, default=(0.0, *outer[0]))
    return round(x, _DECIMALS), round(y, _DECIMALS)


def _centre(ring: Ring) -> Point:
    """Return the centre of gravity within a closed line."""
    x0, y0 = ring[0]
    x = y = 0.0
    for (ax, ay), (bx, by) in pairwise(ring):
        part = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        x += part * (ax + bx - 2 * x0)
        y += part * (ay + by - 2 * y0)
    whole = 6 * area(ring)
    return x0 + x / whole, y0 + y / whole


def _spans(polygon: Polygon, height: float) -> list[Point]:
    """Return where a level line is within the polygon: from, to."""
    crossed = sorted(
        ax + (height - ay) * (bx - ax) / (by - ay)
        for ring in polygon
        for (ax, ay), (bx, by) in pairwise(ring)
        if (ay <= height) != (by <= height)
    )
    return list(zip(crossed[::2], crossed[1::2], strict=False))
