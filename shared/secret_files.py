"""Secrets in files, as Docker and Kubernetes hand them over: NTM_X_FILE names the file that holds NTM_X."""

from __future__ import annotations

import os
from pathlib import Path

from shared.texts import filled, phrase

AWS_KEY = "AWS_SECRET_ACCESS_KEY"
"""The one secret that is no `NTM_…`."""


def secret_of_file(variable: str) -> str | None:
    """Return the content of the file that the environment names by this variable with `_FILE`; None: it names none.

    A line's end behind it is no part of it. ValueError, in both languages, where the variable is set as well, and where
    the file cannot be read or is empty.
    """
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return None
    if os.environ.get(variable):
        raise ValueError(filled(phrase("settings.secret_twice"), setting=variable).in_both)
    try:
        secret = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise ValueError(
            filled(phrase("settings.secret_file"), setting=variable, file=path, reason=reason).in_both
        ) from None
    if not secret:
        raise ValueError(filled(phrase("settings.secret_empty"), setting=variable, file=path).in_both)
    return secret
