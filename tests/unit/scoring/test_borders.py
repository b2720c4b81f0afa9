"""Borders of communes from a GeoJSON file: how they are drawn, and what a file that cannot be used is told."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from services.scoring.borders.borders import MOST_CHARACTERS, Borders
from services.scoring.borders.faults import UnusableBordersError
from services.scoring.borders.geojson import MOST_BYTES
from services.scoring.borders.outline import SIDE, Outline
from shared.reference.load import load
from tests.borders import a_collection, a_feature, a_rectangle, in_place_of_tiles, written

UNITS = load().units
SQUARE = a_rectangle(106.6, 21.9, 0.3)


def read(folder: Path, content: Any) -> Borders:
    return Borders.read(written(folder, content), UNITS)


def drawn(folder: Path, *rings: Any) -> Outline:
    """Return the outline of a commune beside another one that fills the map."""
    far = a_feature("06283", a_rectangle(106, 22, 1))
    borders = read(folder, a_collection(a_feature("06280", *rings), far))
    return next(outline for key, outline in borders.outlines.items() if UNITS.by_key(key).code == "06280")


def rings_of(path: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in ring.split())]
        for ring in re.findall(r"M([^Z]+)Z", path)
    ]


def faults_of(folder: Path, content: Any) -> str:
    with pytest.raises(UnusableBordersError) as error:
        read(folder, content)
    return str(error.value)


def test_each_unit_has_its_border_in_its_place(tmp_path: Path) -> None:
    borders = read(tmp_path, in_place_of_tiles())
    tiles = {tile.unit: tile.at for tile in load().tiles.tiles}
    assert len(borders.outlines) == 200
    places = {key: outline.box[:2] for key, outline in borders.outlines.items()}
    for key, (left, top) in places.items():
        for other, (other_left, other_top) in places.items():
            assert (left < other_left) == (tiles[key][1] < tiles[other][1])
            assert (top < other_top) == (tiles[key][0] < tiles[other][0])
    assert min(left for left, _ in places.values()) == min(top for _, top in places.values()) == 0
    assert max(outline.box[2] for outline in borders.outlines.values()) == SIDE


def test_a_degree_of_longitude_is_shorter_than_one_of_latitude(tmp_path: Path) -> None:
    left, top, right, bottom = drawn(tmp_path, SQUARE).box
    assert (right - left) / (bottom - top) == pytest.approx(math.cos(math.radians(21.5)), abs=0.002)


def test_the_numbers_of_a_rectangle_are_those_of_its_corners(tmp_path: Path) -> None:
    outline = drawn(tmp_path, SQUARE)
    left, top, right, bottom = outline.box
    assert rings_of(outline.path) == [[(left, top), (left, bottom), (right, bottom), (right, top)]]
    assert outline.at == pytest.approx(((left + right) / 2, (top + bottom) / 2), abs=0.1)


def test_a_line_of_many_points_becomes_short_and_stays_where_it_was(tmp_path: Path) -> None:
    circle = [(106.5 + 0.3 * math.cos(turn / 5000), 21.5 + 0.3 * math.sin(turn / 5000)) for turn in range(31416)]
    [ring] = rings_of(drawn(tmp_path, [*circle, circle[0]]).path)
    assert 20 < len(ring) < 400
    across = 432.0 * math.cos(math.radians(21.5))
    for x, y in ring:
        assert math.hypot((x - across) / across, (y - 432) / 432) == pytest.approx(0.6, abs=0.01)


def test_holes_and_further_parts_are_drawn_and_crumbs_are_not(tmp_path: Path) -> None:
    hole, crumb = a_rectangle(106.7, 21.8, 0.05), a_rectangle(106.1, 21.9, 0.0001)
    part = a_rectangle(106.1, 21.5, 0.1)
    geometry = {"type": "MultiPolygon", "coordinates": [[SQUARE, hole], [part], [crumb]]}
    far = a_feature("06283", a_rectangle(106, 22, 1))
    borders = read(tmp_path, a_collection(a_feature(geometry=geometry), far))
    assert sorted(len(rings_of(outline.path)) for outline in borders.outlines.values()) == [1, 3]


def test_a_sign_stands_within_a_border_whose_middle_is_not(tmp_path: Path) -> None:
    crescent = [[106.1, 21.9], [106.1, 21.1], [106.9, 21.1], [106.9, 21.9], [106.85, 21.9], [106.85, 21.15],
                [106.15, 21.15], [106.15, 21.9], [106.1, 21.9]]  # fmt: skip
    x, y = drawn(tmp_path, crescent).at
    across = 864 * math.cos(math.radians(21.5))
    assert not (across * 0.15 < x < across * 0.85 and y < 864 * 0.85)
    ring = a_rectangle(106.1, 21.9, 0.8)
    x, y = drawn(tmp_path, ring, a_rectangle(106.15, 21.85, 0.7)).at
    assert not (across * 0.15 < x < across * 0.85 and 864 * 0.15 < y < 864 * 0.85)


def test_a_unit_that_is_too_small_to_be_seen_is_drawn_as_a_dot(tmp_path: Path) -> None:
    left, top, right, bottom = drawn(tmp_path, a_rectangle(106.5, 21.5, 0.0002)).box
    assert (right - left, bottom - top) == pytest.approx((2, 2))


def test_a_code_that_was_used_again_means_the_unit_of_the_day(tmp_path: Path) -> None:
    then, now = (
        set(read(tmp_path, a_collection(a_feature("06040", on=on))).outlines) for on in ("2023-06-30", "2025/07/01")
    )
    assert (then, now) == ({124}, {508})
    both = [a_feature("06040", on="2023-06-30"), a_feature("06040", on="2025-07-01")]
    assert set(read(tmp_path, a_collection(*both)).outlines) == {124, 508}


def test_a_code_of_one_unit_alone_needs_no_day(tmp_path: Path) -> None:
    [unit] = UNITS.known("06043")
    [key] = read(tmp_path, a_collection(a_feature("06043", properties={"code": "06043", "name": "x"}))).outlines
    assert key == unit.key


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326", "epsg:4326", "WGS 84"]
)
def test_wgs_84_may_be_named_beside_the_features(tmp_path: Path, name: str) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    assert read(tmp_path, a_collection(a_feature(), crs=crs)).outlines


def test_a_file_with_a_byte_order_mark_and_heights_is_read(tmp_path: Path) -> None:
    ring = [[*point, 300.5] for point in SQUARE]
    written(tmp_path, a_collection(a_feature("06280", ring)))
    content = (tmp_path / "borders.geojson").read_bytes()
    assert read(tmp_path, b"\xef\xbb\xbf" + content).outlines


OPEN = [*SQUARE[:-1], [106.61, 21.9]]
OTHER_CRS = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3405"}}
FAULTS: dict[str, tuple[Any, list[str]]] = {
    "no JSON": (b"PK\x03\x04 shapefile", ["JSON"]),
    "cut off": (b'{"type": "FeatureCollection", "features": [', ["JSON"]),
    "nested without end": (b"[" * 200_000, ["JSON"]),
    "a number without end": (b'{"type": ' + b"9" * 10_000 + b"}", ["JSON"]),
    "no number": (b'{"type": "FeatureCollection", "features": [NaN]}', ["JSON", "NaN"]),
    "a name twice": (b'{"type": "FeatureCollection", "features": [], "features": []}', ["JSON", "features"]),
    "a list": ([a_feature()], ["FeatureCollection"]),
    "one feature": (a_feature(), ["FeatureCollection"]),
    "no features": (a_collection(), ["features:"]),
    "features that are no list": ({"type": "FeatureCollection", "features": {"a": 1}}, ["features:"]),
    "another CRS": (a_collection(a_feature(), crs=OTHER_CRS), ["crs:", "EPSG::3405", "EPSG:4326"]),
    "UTM of the same datum": (
        a_collection(a_feature(), crs={"type": "name", "properties": {"name": "WGS 84 / UTM zone 48N"}}),
        ["crs:", "UTM zone 48N"],
    ),
    "no CRS": (a_collection(a_feature(), crs=None), ["crs:", "null"]),
    "a CRS elsewhere": (a_collection(a_feature(), crs={"type": "link", "properties": {}}), ["crs:"]),
    "a feature that is text": (a_collection(a_feature(), "x"), ["features[1]:"]),
    "no properties": (a_collection(a_feature(properties=None)), ["features[0].properties:", "`code`"]),
    "no code": (a_collection(a_feature(properties={"MA_XA": "06280"})), ["features[0].properties:", "MA_XA"]),
    "a code that lost its zero": (a_collection(a_feature(6280)), ["features[0].properties.code:", "6280", '"06280"']),
    "a code of letters": (a_collection(a_feature("VN-06280")), ["VN-06280"]),
    "a code with a mark": (a_collection(a_feature("06280\n")), ["features[0].properties.code:"]),
    "a code in Arabic digits": (a_collection(a_feature("٠٦٢٨٠")), ["features[0].properties.code:"]),
    "null as code": (a_collection(a_feature(None)), ["features[0].properties.code:", "null"]),
    "an unknown code": (a_collection(a_feature("99999")), ["features[0].properties.code:", "99999"]),
    "a code of several units": (
        a_collection(a_feature("06040", on=None)),
        ["features[0].properties.code:", "06040", "xã Đại Đồng: 2020-01-01 – 2024-11-30", "`on`"],
    ),
    "a day on which nobody had the code": (
        a_collection(a_feature("06040", on="2010-01-01")),
        ["features[0].properties.on:", "06040, 2010-01-01", "2024-12-01"],
    ),
    "no day": (a_collection(a_feature(on="01/07/2025")), ["features[0].properties.on:", "01/07/2025"]),
    "a day that is a number": (a_collection(a_feature(on=2025)), ["features[0].properties.on:", "2025"]),
    "a district": (a_collection(a_feature("184")), ["features[0].properties.code:", "184", "huyện Văn Quan"]),
    "a unit twice": (a_collection(a_feature(), a_feature(on="2024-01-01")), ["features[1]:", "features[0]", "06280"]),
    "no geometry": (a_collection(a_feature(geometry=None)), ["features[0] (06280).geometry:", "null"]),
    "a point": (
        a_collection(a_feature(geometry={"type": "Point", "coordinates": [106, 22]})),
        ["features[0] (06280).geometry:", "Point"],
    ),
    "a collection of geometries": (
        a_collection(a_feature(geometry={"type": "GeometryCollection", "geometries": []})),
        ["GeometryCollection"],
    ),
    "no rings": (
        a_collection(a_feature(geometry={"type": "Polygon", "coordinates": []})),
        ["features[0] (06280).geometry.coordinates:"],
    ),
    "no coordinates": (a_collection(a_feature(geometry={"type": "MultiPolygon"})), ["geometry.coordinates:"]),
    "a ring of text": (a_collection(a_feature("06280", "abcd")), ["geometry.coordinates[0]:"]),
    "a ring of three points": (
        a_collection(a_feature("06280", [*SQUARE[:2], SQUARE[0]])),
        ["features[0] (06280).geometry.coordinates[0]:", "(3)"],
    ),
    "an open ring": (
        a_collection(a_feature("06280", OPEN)),
        ["features[0] (06280).geometry.coordinates[0]:", "[106.6, 21.9] … [106.61, 21.9]"],
    ),
    "a ring without area": (
        a_collection(a_feature("06280", [[106, 21], [107, 22], [106.5, 21.5], [106, 21]])),
        ["geometry.coordinates[0]:"],
    ),
    "a hole elsewhere": (
        a_collection(a_feature("06280", SQUARE, a_rectangle(106, 21, 0.1))),
        ["geometry.coordinates[1]:"],
    ),
    "text as a number": (
        a_collection(a_feature("06280", [["106.6", "21.9"], *SQUARE[1:]])),
        ["geometry.coordinates[0][0]:", "106.6"],
    ),
    "truth as a number": (a_collection(a_feature("06280", [[True, 21.9], *SQUARE[1:]])), ["coordinates[0][0]:"]),
    "half a point": (a_collection(a_feature("06280", [[106.6], *SQUARE[1:]])), ["coordinates[0][0]:"]),
    "metres": (
        a_collection(a_feature("06280", [[587000.5, 2422000.5], *SQUARE[1:]])),
        ["geometry.coordinates[0][0]:", "587000.5", "EPSG:4326"],
    ),
    "the latitude first": (
        a_collection(a_feature("06280", [[y, x] for x, y in SQUARE])),
        ["geometry.coordinates[0][0]:", "[21.9, 106.6]", "EPSG:4326"],
    ),
    "a point on the equator": (a_collection(a_feature("06280", [SQUARE[0], [0, 0], *SQUARE[1:]])), ["[0, 0]"]),
    "a number beyond all others": (
        a_collection(a_feature("06280", [[10**400, 21.9], *SQUARE[1:]])),
        ["coordinates[0][0]:"],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_names_file_place_value_and_remedy_in_both_languages(tmp_path: Path, case: str) -> None:
    content, named = FAULTS[case]
    said = faults_of(tmp_path, content)
    assert str(tmp_path / "borders.geojson") in said
    assert "Hãy" in said
    vietnamese, english = said.split("The file of borders")
    for words in named:
        assert words in vietnamese
        assert words in english


def test_each_faulty_feature_is_told_up_to_ten(tmp_path: Path) -> None:
    said = faults_of(tmp_path, a_collection(a_feature(), *(a_feature(f"999{number}") for number in range(10, 23))))
    assert said.count("features[1].") == 2
    assert said.count("features[10].") == 2
    assert "features[11]." not in said
    assert "… và 3 lỗi khác" in said
    assert "… and 3 more faults" in said


def test_a_long_value_is_told_in_short(tmp_path: Path) -> None:
    said = faults_of(tmp_path, a_collection(a_feature("x" * 100_000)))
    assert len(said) < 2000


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "20 MB" in faults_of(tmp_path, b" " * (MOST_BYTES + 1))


def test_a_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableBordersError, match="NTM_MAP"):
        Borders.read(tmp_path, UNITS)


def test_borders_that_stay_too_long_for_a_page_are_refused(tmp_path: Path) -> None:
    parts = [[a_rectangle(106 + number / 100_000, 22)] for number in range(25_000)]
    assert len("M100.0,100.0 100.0,100.0 100.0,100.0 100.0,100.0Z") * len(parts) > MOST_CHARACTERS
    geometry = {"type": "MultiPolygon", "coordinates": parts}
    said = faults_of(tmp_path, a_collection(a_feature(geometry=geometry)))
    assert "QGIS" in said


def test_the_version_follows_the_borders_and_the_units_that_are_shown(tmp_path: Path) -> None:
    borders = read(tmp_path, in_place_of_tiles())
    units = [UNITS.by_key(key) for key in borders.outlines]
    assert borders.version(units) == read(tmp_path, in_place_of_tiles()).version(units)
    assert borders.version(units) != borders.version(units[1:])
    assert borders.version([]) is None
    assert Borders.none().version(units) is None
    moved = in_place_of_tiles()
    moved["features"][0]["geometry"]["coordinates"] = [a_rectangle(106.9, 21.5)]
    assert borders.version(units) != read(tmp_path, moved).version(units)
