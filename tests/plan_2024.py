"""The packaged plan that binds, moved on by a year, in a file beside the first: the one follows the other.

Optionally two communes merge when the year changes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.reference.load import PACKAGED
from tests.binding_plan import reference_that_binds

PLAN = "lang-son-2024"


def reference_with_2024(directory: Path) -> Path:
    """Copy the data that bind below the directory, add the plan of the year after, and return the copy's folder."""
    copy = reference_that_binds(directory)
    later = (copy / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
    for year in (2024, 2023, 2022):
        later = later.replace(str(year), str(year + 1))
    (copy / "plans" / f"{PLAN}.yaml").write_text(later, encoding="utf-8")
    shutil.copy(PACKAGED / "sources" / "lang-son-2023.txt", copy / "sources" / f"{PLAN}.txt")
    return copy


MERGED, PARTS = 900, (112, 119)
"""The keys of a commune that a merger makes, and of the two bound communes from which it is made."""


def with_a_merger_at_new_year(copy: Path) -> Path:
    """Let the two communes merge on 1 January 2024; the plan of that year binds the one that takes their place."""
    merge(copy, last_day="2023-12-31", first_day="2024-01-01")
    plan = copy / "plans" / f"{PLAN}.yaml"
    plan.write_text(plan.read_text(encoding="utf-8").replace('"06004", "06025",', '"06004",'), encoding="utf-8")
    return copy


def merge(copy: Path, *, last_day: str, first_day: str) -> None:
    """Let xã Quốc Khánh (06004) and xã Đội Cấn (06025) end on a day; one commune takes their place and one code."""
    units, successions = copy / "units.csv", copy / "successions.csv"
    rows = []
    for row in units.read_text(encoding="utf-8").splitlines():
        ends = row.split(",", 1)[0] in {str(part) for part in PARTS}
        rows.append(row.replace("2025-06-30", last_day) if ends else row)
    rows.append(f"{MERGED},06004,Quốc Đội,commune,12,{first_day},2025-06-30")
    units.write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = successions.read_text(encoding="utf-8").replace("124,119,", f"124,{MERGED},")
    lines = lines.replace("112,505,whole,", f"112,{MERGED},whole,").replace("119,505,whole,", f"119,{MERGED},whole,")
    successions.write_text(f"{lines.rstrip()}\n{MERGED},505,whole,\n", encoding="utf-8")
