"""Judgements: intake asks on `ntm.v1.scoring.judgement` how a commune stands by a criteria set's newest figures.

A request that cannot be answered gets a problem document (RFC 9457) instead, with the headers `Nats-Service-Error-Code`
and `Nats-Service-Error`.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.dossier import Judged
from shared.contracts.recognition import Recognition
from shared.contracts.refs import UnitCode


class JudgementRequest(BaseModel):
    """A commune and a criteria set."""

    unit: UnitCode
    criteria_set: str = Field(max_length=40)


class JudgedCriterion(BaseModel):
    """Whether a commune meets a criterion by its newest figures, whatever the plan asks of it."""

    criterion: str
    judged: Judged
    reason: Bilingual


class Judgement(BaseModel):
    """A commune's criteria by its newest figures, and its recognitions. Nothing of it is stored."""

    criteria: list[JudgedCriterion]
    recognitions: list[Recognition] = Field(description="By all sets of the plan.")
