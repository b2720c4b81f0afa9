"""Vietnam's time zone, and the real moment."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def utc_now() -> datetime:
    """The real moment in UTC, for what must not follow a simulated clock (retries, leases, keys)."""
    return datetime.now(UTC)
