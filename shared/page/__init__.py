"""The frame of all services' pages: the shell, signing in with a key, the language, the styles."""

from shared.page.serve import page_router

__all__ = ["page_router"]
