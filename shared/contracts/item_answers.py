"""Intake's answers to several submissions at once, over HTTP and over NATS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from shared.contracts.problem_document import ProblemDocument
from shared.contracts.submission import Receipt


class RefusedItem(BaseModel):
    """An item that was refused, with the problem."""

    status: Literal["refused"]
    problem: ProblemDocument


class ItemAnswers(BaseModel):
    """The answer to an array of which at least one item was accepted: a receipt or a problem for each item, in order.

    When no item was accepted the answer is a problem document with the same three fields.
    """

    accepted: int
    refused: int
    items: list[Receipt | RefusedItem]
