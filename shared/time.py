"""Vietnam's time zone, and the real time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def utc_now() -> datetime:
    """Return the real moment in UTC, for retries, leases and keys, which must not follow a simulated clock."""
    return datetime.now(UTC)
