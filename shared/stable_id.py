"""Ids that are the same whenever they are made from the same words."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5


def stable_id(*words: object) -> UUID:
    """Return the id that these words always give, so that the same thing gets the same id again."""
    return uuid5(NAMESPACE_URL, "/".join(str(word) for word in words))
