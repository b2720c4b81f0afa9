"""Reference data with a criteria set and a plan for 2026 beside the packaged ones: files, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.reference.load import PACKAGED

PLAN = "lang-son-2026"

_HERE = Path(__file__).parent


def reference_with_2026(directory: Path) -> Path:
    """A copy of the packaged data below the directory, with the set, its elements and the plan added to it."""
    copy = directory / "reference"
    shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(_HERE / "criteria.yaml", copy / "criteria" / "ntm_2026.yaml")
    shutil.copy(_HERE / "plan.yaml", copy / "plans" / f"{PLAN}.yaml")
    shutil.copy(_HERE / "paper.txt", copy / "sources" / f"{PLAN}.txt")
    elements = copy / "elements.yaml"
    added = (_HERE / "elements.yaml").read_text(encoding="utf-8")
    text = elements.read_text(encoding="utf-8")
    # who may report what is counted for the old sets may report it for the new one
    text = text.replace("[ntm-11, advanced-11]", "[ntm-11, advanced-11, ntm_2026-1]")
    text = text.replace("[ntm-12, advanced-12]", "[ntm-12, advanced-12, ntm_2026-2]")
    elements.write_text(text.replace("elements:\n", f"elements:\n{added}", 1), encoding="utf-8")
    return copy
