"""The signature of webhook calls, as Standard Webhooks say (https://www.standardwebhooks.com)."""

from __future__ import annotations

from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer


def signed(request_id: str, timestamp: int, body: bytes, signing_secrets: tuple[str, ...]) -> dict[str, str]:
    """Return the headers by which the holder of any of the secrets knows the sender; `timestamp`: seconds since 1970.

    While a secret is rotated there are two, and two signatures separated by a space.
    """
    at, content = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return {
        "webhook-id": request_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(Signer(secret).sign(request_id, at, content) for secret in signing_secrets),
    }
