"""Pairs of a unit and a text as a table to join."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ARRAY, Integer, Subquery, Text, cast

from shared.postgres.statements import unnested


def joined_pairs(pairs: Collection[tuple[int, str]], name: str) -> Subquery:
    """Return pairs of a unit and a text as a table to join, with a column `unit` and one named by `name`."""
    return unnested(
        {
            "unit": cast([unit for unit, _ in pairs], ARRAY(Integer)),
            name: cast([other for _, other in pairs], ARRAY(Text)),
        }
    ).subquery()
