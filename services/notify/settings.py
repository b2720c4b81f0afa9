"""What notify needs to know beside what every service does."""

from __future__ import annotations

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator

from shared.settings import Settings


class NotifySettings(Settings):
    """Mail is always set up; without `sms_url` no SMS goes out, and each notice that wanted one says so."""

    smtp_host: str
    smtp_port: int = 587
    smtp_from: str = Field(description="Address, or name and address: `Điều phối NTM <ntm@example.vn>`.")
    smtp_starttls: bool = Field(default=True, description="Refuse to send where the server does not offer it.")
    smtp_tls: bool = Field(default=False, description="TLS from the first byte (port 465) in place of STARTTLS.")
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    sms_url: str | None = Field(default=None, description="The gateway's address without its path.")
    sms_api_key: SecretStr = SecretStr("")
    sms_secret_key: SecretStr = SecretStr("")
    sms_brandname: str = Field(default="", max_length=11, description="The sender's name, registered with carriers.")
    board_url: str | None = Field(default=None, description="Where links in messages lead.")
    send_timeout_seconds: float = Field(default=15, gt=0, le=30, description="For one step of one delivery.")
    retry_first_seconds: float = Field(default=1, gt=0)
    retry_longest_seconds: float = Field(default=15 * 60, gt=0)
    retry_for_seconds: float = Field(default=24 * 3600, gt=0, description="Then a notice has failed for good.")

    @field_validator("sms_url", "board_url")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        if text:
            AnyHttpUrl(text)
        return text

    @field_validator("smtp_from")
    @classmethod
    def _has_an_address(cls, text: str) -> str:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(text)[1]):
            raise ValueError("needs an address: Name <name@example.vn>")
        return text

    @model_validator(mode="after")
    def _gateway_is_whole(self) -> Self:
        if self.sms_url and not (
            self.sms_api_key.get_secret_value() and self.sms_secret_key.get_secret_value() and self.sms_brandname
        ):
            raise ValueError("NTM_SMS_URL needs NTM_SMS_API_KEY, NTM_SMS_SECRET_KEY and NTM_SMS_BRANDNAME beside it")
        return self


@lru_cache
def settings() -> NotifySettings:
    """The settings of this process, read once."""
    return NotifySettings()
