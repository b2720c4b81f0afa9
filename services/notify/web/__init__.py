"""The page of the recipients: it shows open alerts and their notices, and lets people acknowledge alerts."""

from pathlib import Path

from services.notify.texts import phrase
from shared.page import page_router

router = page_router("notify", phrase("web.title"), Path(__file__).parent / "static")

__all__ = ["router"]
