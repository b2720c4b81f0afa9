"""The frame of all services' pages: the shell, signing in with a key, the language, the styles."""

from shared.page.serve import SECURITY_HEADERS, page_router

__all__ = ["SECURITY_HEADERS", "page_router"]
