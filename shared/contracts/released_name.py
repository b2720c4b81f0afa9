"""Released names of contracts whose classes have better names by now."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel


def released_as[C: type](name: str) -> Callable[[C], C]:
    """Return the decorator that keeps the released name of a class in schemas and documents."""

    def keep(contract: C) -> C:
        contract.__name__ = contract.__qualname__ = name
        if issubclass(contract, BaseModel):
            contract.model_rebuild(force=True)
        return contract

    return keep
