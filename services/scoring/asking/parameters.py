"""Parameters that name one of several known things."""

from __future__ import annotations

from collections.abc import Iterable

from shared.problems import bad_parameter


def check_one_of(name: str, value: str | None, known: Iterable[str]) -> None:
    """Raise a problem where a parameter is given and names none of the known things."""
    if value is not None and value not in (names := list(dict.fromkeys(known))):
        raise bad_parameter(name, value, ", ".join(names))
