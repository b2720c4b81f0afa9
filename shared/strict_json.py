"""JSON that means one thing: Python's own reader takes more than the standard does, and drops values unsaid."""

from __future__ import annotations

import json
from typing import Any, NoReturn

_SHOWN = 80


class RepeatedNameError(ValueError):
    """Two values stand under one name: nobody knows which is meant."""

    def __init__(self, name: str) -> None:
        super().__init__(name[:_SHOWN])
        self.name = name


class NotANumberError(ValueError):
    """`NaN` or `Infinity` stands where JSON has numbers."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class StrictDecoder(json.JSONDecoder):
    """Raises RepeatedNameError and NotANumberError beside json.JSONDecodeError; also as `json.loads(…, cls=…)`."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_once, parse_constant=_refuse_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedNameError(next(name for name in names if names.count(name) > 1))
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise NotANumberError(name)
