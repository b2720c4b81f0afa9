"""The settings that SMS gateways read."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from services.notify.delivery.http_address import HttpAddress
from shared.service.settings import ServiceSettings


class SmsSettings(ServiceSettings):
    """The settings of an SMS gateway: its address and our account. Each gateway says which of them it needs."""

    send_timeout_seconds: float = Field(default=15, gt=0, le=30, description="The limit of each step of an attempt.")
    sms_url: HttpAddress | None = Field(default=None, description="The gateway's address without its path.")
    sms_contract: Path | None = Field(default=None, description="Of a generic gateway: a YAML file, see CONTRIBUTING.")
    sms_report_url: HttpAddress | None = Field(default=None, description="The address for eSMS' delivery reports.")
    sms_api_key: SecretStr = SecretStr("")
    sms_secret_key: SecretStr = SecretStr("")
    sms_brandname: str = Field(default="", max_length=11, description="The sender's name, registered with carriers.")
