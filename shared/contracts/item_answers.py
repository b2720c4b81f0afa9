"""What intake answers when several submissions come at once, over HTTP as over NATS."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from shared.contracts.problem_document import ProblemDocument
from shared.contracts.submission import Receipt


class RefusedItem(BaseModel):
    """An item that was not accepted, and why."""

    status: Literal["refused"]
    problem: ProblemDocument


class ItemAnswers(BaseModel):
    """What an array is answered when something of it was accepted: a receipt or a problem for each item, in order.

    Where nothing was accepted a problem document is answered, with the same three fields in it.
    """

    accepted: int
    refused: int
    items: list[Receipt | RefusedItem]
