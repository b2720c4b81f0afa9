"""What the pages of all services have alike: the shell, signing in with a key, the language, and how things look."""

from shared.page.serve import SECURITY_HEADERS, page_router

__all__ = ["SECURITY_HEADERS", "page_router"]
