"""The page of the recipients: it shows open alerts and their notices, and lets people acknowledge alerts."""

from pathlib import Path

from shared.page import page_router

router = page_router("Cảnh báo nông thôn mới", Path(__file__).parent / "static")

__all__ = ["router"]
