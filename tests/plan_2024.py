"""The packaged plan moved on by a year, in a file beside the first: the one follows the other."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.reference.load import PACKAGED

PLAN = "lang-son-2024"


def reference_with_2024(directory: Path) -> Path:
    """Copy the packaged data below the directory, add the plan of the year after, and return the copy's folder."""
    copy = directory / "reference"
    shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    later = (PACKAGED / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
    for year in (2024, 2023, 2022):
        later = later.replace(str(year), str(year + 1))
    (copy / "plans" / f"{PLAN}.yaml").write_text(later, encoding="utf-8")
    shutil.copy(PACKAGED / "sources" / "lang-son-2023.txt", copy / "sources" / f"{PLAN}.txt")
    return copy
