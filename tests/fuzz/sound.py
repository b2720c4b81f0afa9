"""Sound input, before it is spoilt: submissions, reports, workbooks, CSV files."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from functools import cache
from io import BytesIO
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from services.intake.workbook import TemplateRequest, blank_lines, draw_template, plan_layout, saved
from shared.contracts.period import Period
from shared.reference.load import load
from tests.workbooks import a_workbook

REFERENCE = load()
COMMUNES = tuple(unit.code for unit in REFERENCE.units.communes(date(2023, 6, 30), "20"))
CRITERIA = tuple(REFERENCE.criterion_keys)
_MONTHS = tuple(f"{year}-{month:02}" for year in (2021, 2022) for month in range(1, 13))
_PERIODS = (*_MONTHS, "2022", "2022-H1", "2022-Q4", "2023-03", "2023-06", "2024-01", "2023-05-31")
_ELEMENTS = tuple(element for element in REFERENCE.elements.values() if "commune" in element.counted_in)
HEADER = ("Mã đơn vị", "Kỳ", "Tổng số hộ", "Hộ nghèo", "Hộ cận nghèo")


def submission(random: Random) -> dict[str, Any]:
    """Return a submission: mostly of poverty figures, often acceptable."""
    item: dict[str, Any] = {
        "unit": random.choice(COMMUNES),
        "period": random.choice(_MONTHS if random.random() < 0.9 else _PERIODS),
        "revision": random.randrange(1, 1001),
        "readings": {"households": 1204, "poor_households": random.randrange(130), "near_poor_households": 88},
    }
    if random.random() < 0.2:
        item |= {"stage": random.choice(("reported", "verified", "confirmed")), "source_ref": "VQ-1", "confirmed": True}
    if random.random() < 0.2:
        for element in random.sample(_ELEMENTS, 3):
            item["readings"][element.code] = element.type == "yes_no" or int(element.minimum)
    return item


def report(random: Random) -> dict[str, Any]:
    """Return the report of a difficulty."""
    return {
        "unit": random.choice(COMMUNES),
        "criterion": random.choice((None, *CRITERIA)),
        "kind": random.choice(("funding", "staff", "guidance", "data", "infrastructure", "disaster", "other")),
        "words": "Chưa được bố trí kinh phí.\nĐề nghị tỉnh hỗ trợ.",
        "contact": "Công chức LĐTBXH",
    }


def row(random: Random) -> list[str]:
    """Return a row of a file, as people write it."""
    period = random.choice(
        ("6/2023", "2022", "quý II/2022", f"{random.randrange(1, 13)}/{random.randrange(1995, 2023)}")
    )
    poor = random.randrange(200)
    return [random.choice(COMMUNES), period, random.choice(("1204", "1.204", "1,204", "1 204")), str(poor), "88"]


@cache
def templates() -> tuple[tuple[bytes, dict[str, bytes], str], ...]:
    """Return workbooks that people make, and templates, each with its parts and the name of the sheet with figures."""
    unit = REFERENCE.units.find("184", date(2023, 6, 30))
    assert unit
    drawn = []
    for key in ("ntm-11", "ntm-12"):
        elements = [element for element in REFERENCE.elements.values() if key in element.criteria]
        for code in (COMMUNES[0], "184"):
            place = REFERENCE.units.find(code, date(2023, 6, 30))
            assert place
            layout = plan_layout(REFERENCE, TemplateRequest(place, Period.parse("2023-06"), key), elements)
            if layout is not None:
                drawn.append(saved(draw_template(layout, blank_lines(layout, REFERENCE), REFERENCE)))
    own = a_workbook(), a_workbook(*[(code, "5/2023", 1204, 131, 88) for code in COMMUNES[:5]])
    return tuple((body, _parts(body), _data_sheet(_parts(body))) for body in (*own, *drawn))


def _parts(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _data_sheet(parts: dict[str, bytes]) -> str:
    sheets = [name for name in parts if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name)]
    return max(sheets, key=lambda name: parts[name].count(b"<c "))


def packed(parts: dict[str, bytes], *, stored: bool) -> bytes:
    """Return the parts as an archive."""
    target = BytesIO()
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def cell(name: str, value: str, kind: str) -> bytes:
    """Return a cell as XML of a sheet, without the characters that XML cannot hold."""
    text = escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", value))
    inside = {
        "inlineStr": f"<is><t>{text}</t></is>",
        "f": f"<f>{text}</f><v>1</v>",
        "none": "",
    }.get(kind, f"<v>{text}</v>")
    declared = {"f": "", "none": "", "n": ""}.get(kind, f' t="{kind}"')
    return f'<c r="{name}"{declared}>{inside}</c>'.encode()
