"""`GET /v1/plan/findings`: the errors in the plan's paper, by line, with what would be right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import InvalidReferenceError, Reference, source_text
from shared.reference.plan_check import Finding, check

router = APIRouter(prefix="/v1/plan")


class PaperFinding(BaseModel):
    """An error in the paper, as `ntm plan check` finds it."""

    lines: list[int] = Field(description="The lines of the paper's text that show it, as commitments name theirs.")
    severity: Literal["error", "warning"]
    code: str
    message: Bilingual
    found: str = Field(description="The paper's words or figure.")
    expected: str = Field(description="The right ones; empty where there is no saying.")


class PaperFindings(BaseModel):
    """The findings on the plan in force, by line."""

    plan: str
    has_paper: bool = Field(description="False where the paper's text is not there: then nothing was checked.")
    items: list[PaperFinding]
    sample: bool


@router.get("/findings")
async def list_plan_findings(runtime: Running, _: SignedIn) -> PaperFindings:
    """List what the plan's paper states wrongly. The plan is judged by what is right, not by these words."""
    reference = runtime.reference
    found = await asyncio.to_thread(_findings, reference)
    return PaperFindings(
        plan=reference.plan.id,
        has_paper=found is not None,
        items=[
            PaperFinding(
                lines=list(one.lines),
                severity=one.severity,
                code=one.code,
                message=one.message,
                found=one.found,
                expected=one.expected,
            )
            for one in found or ()
        ],
        sample=reference.plan.sample,
    )


def _findings(reference: Reference) -> Sequence[Finding] | None:
    try:
        text = source_text(reference.plan)
    except InvalidReferenceError:
        return None
    return check(reference.plan, text, reference)
