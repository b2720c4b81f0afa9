"""The packaged plan that binds, moved to 2025, in files of its own: while it runs, all units change on 1 July 2025."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.reference.load import PACKAGED
from tests.binding_plan import reference_that_binds

PLAN = "lang-son-2025"


def reference_with_2025(directory: Path) -> Path:
    """Copy the data that bind below the directory, add the plan, and return the copy's folder."""
    copy = reference_that_binds(directory)
    plan = (copy / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
    # xã Tĩnh Bắc has become part of another commune by then
    later = plan.replace("2024", "2026").replace("2023", "2025").replace("2022", "2024").replace('"06574", ', "")
    (copy / "plans" / f"{PLAN}.yaml").write_text(later, encoding="utf-8")
    shutil.copy(PACKAGED / "sources" / "lang-son-2023.txt", copy / "sources" / f"{PLAN}.txt")
    return copy
