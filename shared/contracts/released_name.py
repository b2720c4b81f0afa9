"""Names of contracts that were released, where the code has a better word since."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel


def released_as[C: type](name: str) -> Callable[[C], C]:
    """Keep the name under which schemas and documents were released; the code's own name may change."""

    def keep(contract: C) -> C:
        contract.__name__ = contract.__qualname__ = name
        if issubclass(contract, BaseModel):
            contract.model_rebuild(force=True)
        return contract

    return keep
