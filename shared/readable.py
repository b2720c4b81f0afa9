"""Stored values that may be damaged: what cannot be read is logged and left out, and the rest of the page is there."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from pydantic import BaseModel, ValidationError

log = structlog.get_logger()


def readable[Model: BaseModel](model: type[Model], stored: Iterable[object]) -> list[Model]:
    """Return the values of the model that can be read, in their order."""
    return [value for value in (read_or_none(model, body) for body in stored) if value is not None]


def read_or_none[Model: BaseModel](model: type[Model], stored: object) -> Model | None:
    """Return a stored value as a model; None where it cannot be read, which is logged without its content."""
    try:
        return model.model_validate(stored)
    except ValidationError as error:
        places = ["/".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)]
        log.warning("stored value cannot be read", kind=model.__name__, places=places[:5])
        return None
