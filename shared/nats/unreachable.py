"""Errors of a broker that cannot be used; apart from the connection, so that commands load them for nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase


class BrokerUnusableError(Exception):
    """The broker cannot be used as this program is set up; says why, in Vietnamese and English."""

    def __init__(self, words: Bilingual) -> None:
        self.words = words
        super().__init__(words.in_both)


class BrokerUnreachableError(BrokerUnusableError):
    """No server of the broker could be reached in time."""

    def __init__(self, servers: Sequence[str], error: Exception) -> None:
        reason = str(error) or type(error).__name__
        shown = ", ".join(re.sub("//.*@", "//", server) for server in servers)  # without a password
        super().__init__(filled(phrase("connection.unreachable"), servers=shown, reason=reason))


class CredentialsRefusedError(BrokerUnusableError):
    """The file with the seed of the broker's user cannot be used, or the servers refuse the user."""

    def __init__(self, seed: Path | None, reason: str) -> None:
        super().__init__(filled(phrase("connection.refused"), seed=seed or "-", reason=reason))


class ForbiddenError(BrokerUnusableError):
    """The broker's user may not do what the program asked for."""

    def __init__(self, seed: Path | None, reason: str) -> None:
        super().__init__(filled(phrase("connection.forbidden"), user=seed.stem if seed else "-", reason=reason))
