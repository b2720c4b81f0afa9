"""How this program names itself to the systems of others that it calls."""

from __future__ import annotations

from importlib.metadata import version

USER_AGENT = f"NTM-Coordination/{version('ntm-coordination')}"
"""The value of `User-Agent` (RFC 9110)."""
