"""Writes the contracts as JSON Schemas and as an AsyncAPI document, for programs in any language: `make schemas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.contract_documents.asyncapi import document
from shared.contracts.alert import AlertLogged
from shared.contracts.difficulty import DifficultyAnswer, DifficultyLogged, DifficultyReport
from shared.contracts.dossier import DossierEntry, DossierLogged
from shared.contracts.evidence import Evidence
from shared.contracts.item_answers import ItemAnswers
from shared.contracts.judgement import Judgement, JudgementRequest
from shared.contracts.parked_message import Parked, Replayed, ReplayRequest
from shared.contracts.preview import Preview, PreviewRequest
from shared.contracts.problem_document import ProblemDocument
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.submission import AcceptedSubmission, Receipt, Refusal, Review, Submission, Tracked
from shared.contracts.trouble import TroubleReported
from shared.contracts.verdict_change import StatusChanged, TargetChanged

FOLDER = Path(__file__).parent / "schemas"

WRITTEN: tuple[type[BaseModel], ...] = (
    Submission,
    DifficultyReport,
    DifficultyAnswer,
    DossierEntry,
    PreviewRequest,
    JudgementRequest,
    ReplayRequest,
)
"""The contracts that others write."""

READ: tuple[type[BaseModel], ...] = (
    Receipt,
    ItemAnswers,
    ProblemDocument,
    AcceptedSubmission,
    Tracked,
    Refusal,
    Review,
    Evidence,
    DifficultyLogged,
    DossierLogged,
    ReportSoonDue,
    StatusChanged,
    TargetChanged,
    AlertLogged,
    Parked,
    Replayed,
    Preview,
    Judgement,
    TroubleReported,
)
"""The contracts that others read. Streams keep messages of every age, so a field that was added is not required."""


def schemas() -> dict[str, str]:
    """Return the texts of all documents, by their file names."""
    schemas_by_name = {contract.__name__: contract.model_json_schema() for contract in (*WRITTEN, *READ)}
    return {f"{name}.json": written(content) for name, content in {**schemas_by_name, "asyncapi": document()}.items()}


def written(content: dict[str, Any]) -> str:
    """Return the text of a document, as it is committed."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def write() -> None:
    """Write all documents into their folder."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
