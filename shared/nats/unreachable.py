"""The error of a broker that cannot be reached; apart from the connection, so that commands load it for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from shared.texts import filled, phrase


class BrokerUnreachableError(Exception):
    """No server of the broker could be reached in time, or the servers refused the credentials."""

    def __init__(self, servers: Sequence[str], error: Exception) -> None:
        reason = str(error) or type(error).__name__
        self.words = filled(phrase("connection.unreachable"), servers=", ".join(servers), reason=reason)
        super().__init__(f"{self.words.vi} / {self.words.en}")
