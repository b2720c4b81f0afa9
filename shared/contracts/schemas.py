"""The contracts as JSON Schemas, for whoever reads the messages in another language: `make schemas`."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from shared.contracts import (
    AcceptedSubmission,
    AlertLogged,
    Parked,
    ProblemAnswer,
    ProblemLogged,
    ProblemReport,
    Receipt,
    Refusal,
    Review,
    StatusChanged,
    Submission,
    TargetChanged,
    Tracked,
)

FOLDER = Path(__file__).parent / "schemas"
CONTRACTS: tuple[type[BaseModel], ...] = (
    Submission,
    Receipt,
    AcceptedSubmission,
    Tracked,
    Refusal,
    Review,
    ProblemReport,
    ProblemAnswer,
    ProblemLogged,
    StatusChanged,
    TargetChanged,
    AlertLogged,
    Parked,
)


def schemas() -> dict[Path, str]:
    """Each file of the folder with what should stand in it."""
    return {
        FOLDER / f"{contract.__name__}.json": json.dumps(contract.model_json_schema(), ensure_ascii=False, indent=2)
        + "\n"
        for contract in CONTRACTS
    }


def write() -> None:
    """Bring the folder up to date."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in schemas().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
