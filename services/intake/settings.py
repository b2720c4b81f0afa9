"""The settings of intake: those that all services share."""

from __future__ import annotations

from functools import lru_cache

from shared.service.settings import ServiceSettings
from shared.settings import read_settings


@lru_cache
def settings() -> ServiceSettings:
    """Return the settings of this process, read once."""
    return read_settings(ServiceSettings)
