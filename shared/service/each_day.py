"""Work that follows the days of the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from shared.service.clock import Clock
from shared.service.transient_errors import is_transient

log = structlog.get_logger()


async def follow_days(
    clock: Clock, name: str, work: Callable[[], Awaitable[object]], look_seconds: float, retry_seconds: float
) -> None:
    """Call `work` now, whenever a day may have begun, and every `look_seconds`; until cancelled.

    While the database or the broker is away it is called again after `retry_seconds`.
    """
    while True:
        wait_seconds = look_seconds
        try:
            await work()
        except Exception as error:
            if is_transient(error):
                log.warning(f"{name} waits", error=str(error))
                wait_seconds = retry_seconds
            else:  # what is stored is at fault: another start would find the same
                log.exception(f"{name} failed")
        await clock.next_day(wait_seconds)
