"""The settings of intake: those that all services share, and the scanner of files."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import Field, field_validator

from services.intake.texts import phrase
from shared.service.settings import ServiceSettings
from shared.settings import read_settings


class IntakeSettings(ServiceSettings):
    """The settings of intake."""

    clamav: str | None = Field(
        default=None,
        description="ClamAV's daemon as host:port, which scans files of evidence; None: none is scanned.",
    )

    @field_validator("clamav")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^\s:/]+:[0-9]{1,5}", value):
            raise ValueError(phrase("settings.clamav").in_both)
        return value


@lru_cache
def settings() -> IntakeSettings:
    """Return the settings of this process, read once."""
    return read_settings(IntakeSettings)
