"""What notify needs to know beside what every service does."""

from __future__ import annotations

import re
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator

from shared.settings import Settings

_SECRET_LENGTH = 32


class NotifySettings(Settings):
    """Mail is always set up; without `sms_url` no SMS goes out, and each notice that wanted one says so."""

    smtp_host: str
    smtp_port: int = 587
    smtp_from: str = Field(description="Address, or name and address: `Điều phối NTM <ntm@example.vn>`.")
    smtp_starttls: bool = Field(default=True, description="Refuse to send where the server does not offer it.")
    smtp_tls: bool = Field(default=False, description="TLS from the first byte (port 465) in place of STARTTLS.")
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    sms_gateway: Literal["esms", "speedsms", "generic"] = "esms"
    sms_url: str | None = Field(default=None, description="The gateway's address without its path.")
    sms_contract: Path | None = Field(default=None, description="Of a generic gateway: a YAML file, see CONTRIBUTING.")
    sms_report_url: str | None = Field(default=None, description="Where eSMS calls back with delivery reports.")
    sms_report_token: SecretStr | None = Field(default=None, description="What callers of delivery reports must know.")
    sms_diacritics: bool = Field(default=False, description="SMS with diacritics: a part holds 70 characters, not 160.")
    sms_parts: int = Field(default=1, ge=1, le=3, description="How many parts an SMS may take.")
    sms_price_dong: int = Field(default=0, ge=0, description="What one part of an SMS costs.")
    sms_daily_budget_dong: int | None = Field(
        default=None, ge=0, description="For the SMS to a unit's offices in a day."
    )
    webhook_sessions: int = Field(default=64, ge=1, le=1000)
    webhook_allow_private: bool = Field(
        default=False, description="Webhooks may lead to http and into private networks: for demonstrations only."
    )
    services_allow_private: bool = Field(
        default=False, description="Messaging services of contacts may lie in private networks."
    )
    link_secret: SecretStr | None = Field(default=None, description="Makes the links by which people acknowledge.")
    public_url: str | None = Field(default=None, description="Where notify is reached from outside, for those links.")
    wait_share: float = Field(
        default=1, ge=0, le=1, description="How much of the time for which notices are held is waited."
    )
    email_per_second: float | None = Field(default=None, ge=0.1, description="No more than so many; None: no limit.")
    sms_per_second: float | None = Field(default=None, ge=0.1, description="The same for SMS.")
    sms_api_key: SecretStr = SecretStr("")
    sms_secret_key: SecretStr = SecretStr("")
    sms_brandname: str = Field(default="", max_length=11, description="The sender's name, registered with carriers.")
    board_url: str | None = Field(default=None, description="Where links in messages lead.")
    send_timeout_seconds: float = Field(default=15, gt=0, le=30, description="For one step of one delivery.")
    retry_first_seconds: float = Field(default=1, gt=0)
    retry_longest_seconds: float = Field(default=15 * 60, gt=0)
    retry_for_seconds: float = Field(default=24 * 3600, gt=0, description="Then a notice has failed for good.")

    @field_validator("sms_url", "board_url", "public_url", "sms_report_url")
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
        if self.sms_gateway == "generic":
            return self
        needed = {"NTM_SMS_API_KEY": self.sms_api_key.get_secret_value(), "NTM_SMS_BRANDNAME": self.sms_brandname}
        if self.sms_gateway == "esms":
            needed["NTM_SMS_SECRET_KEY"] = self.sms_secret_key.get_secret_value()
        if self.sms_url and (missing := [name for name, value in needed.items() if not value]):
            raise ValueError(f"NTM_SMS_URL needs {', '.join(missing)} beside it")
        return self

    @model_validator(mode="after")
    def _links_are_whole(self) -> Self:
        if self.link_secret and len(self.link_secret.get_secret_value()) < _SECRET_LENGTH:
            raise ValueError(f"NTM_LINK_SECRET needs at least {_SECRET_LENGTH} characters")
        return self


@lru_cache
def settings() -> NotifySettings:
    """The settings of this process, read once."""
    return NotifySettings()
