"""The board of the coordination office: how the plan stands, what has just changed, and who is late, by district."""

from pathlib import Path

from services.scoring.texts import phrase
from shared.page import page_router

router = page_router("scoring", phrase("web.title"), Path(__file__).parent / "static")

__all__ = ["router"]
