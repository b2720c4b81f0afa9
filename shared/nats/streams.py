"""The streams that the services expect on the server."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError

from shared.contracts import subjects

_DUPLICATE_WINDOW_SECONDS = 3600
_YEAR_SECONDS = 366 * 24 * 3600


async def ensure_streams(js: JetStreamContext, replicas: int = 1) -> None:
    """Create the streams, or bring their settings up to date. Only streams of `KEPT_A_YEAR` drop old messages."""
    for name, listens_to in {**subjects.KEPT, **subjects.KEPT_A_YEAR}.items():
        config = StreamConfig(
            name=name,
            subjects=listens_to,
            num_replicas=replicas,
            duplicate_window=_DUPLICATE_WINDOW_SECONDS,
            allow_atomic=True,
            allow_direct=True,
            max_age=_YEAR_SECONDS if name in subjects.KEPT_A_YEAR else None,
        )
        try:
            await js.add_stream(config)
        except APIError:
            await js.update_stream(config)
