"""The page of those who are told: what is open, who was told of it, and that somebody takes care of it."""

from pathlib import Path

from shared.page import page_router

router = page_router("Cảnh báo nông thôn mới", Path(__file__).parent / "static")

__all__ = ["router"]
