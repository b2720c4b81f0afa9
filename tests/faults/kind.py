"""A kind of fault: the parts that it strikes, how long it lasts, how it is inflicted, and what mends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.faults.schedule import Choice, Fault

type Need = Literal["file systems", "devices"]
"""Small file systems of the runner's own: in memory, or on devices, for which it has to be root."""

type Inflict = Callable[[Any, Fault], Awaitable[None]]
"""Inflicts a fault on the site for which the kind is made, and returns when the system may recover."""


@dataclass(frozen=True, slots=True)
class Kind(Choice):
    """A kind of fault. Its time lies between two numbers of seconds."""

    inflict: Inflict
    mended_by: str = "the system itself"
    """The documented command that mends it."""

    needs: Need | None = None
    """The part of the machine that it needs, if any (`disk.py`)."""
