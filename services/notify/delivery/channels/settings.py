"""The settings of the delivery of notices."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from services.notify.answers.settings import AnswersSettings
from services.notify.delivery.channels.sms.gateways import GATEWAYS, GatewayName
from services.notify.delivery.channels.zalo.settings import ZaloSettings


class DeliverySettings(ZaloSettings, AnswersSettings):
    """The settings of channels: their providers, their pace, and the time of retries. Mail is always set up."""

    smtp_host: str
    smtp_from: str = Field(description="Address, or name and address: `Điều phối NTM <ntm@example.vn>`.")
    sms_gateway: GatewayName = "esms"
    webhook_sessions: int = Field(default=64, ge=1, le=1000)
    webhook_allow_private: bool = Field(
        default=False, description="Webhooks may lead to http and into private networks: for demonstrations only."
    )
    services_allow_private: bool = Field(
        default=False, description="Messaging services of contacts may lie in private networks."
    )
    email_per_second: float | None = Field(default=None, ge=0.1, description="The most mails a second; None: no limit.")
    sms_per_second: float | None = Field(default=None, ge=0.1, description="The most SMS a second; None: no limit.")
    retry_first_seconds: float = Field(default=1, gt=0)
    retry_longest_seconds: float = Field(default=15 * 60, gt=0)
    retry_for_seconds: float = Field(default=24 * 3600, gt=0, description="After this time a notice fails for good.")

    @model_validator(mode="after")
    def _gateway_is_whole(self) -> Self:
        if missing := GATEWAYS[self.sms_gateway].missing_settings(self):
            raise ValueError(f"NTM_SMS_URL needs {', '.join(missing)} beside it")
        if missing := self.missing_zalo_settings():
            raise ValueError(f"NTM_ZALO_VIA={self.zalo_via} needs {', '.join(missing)} beside it")
        if self.zalo_via == "esms" and (self.sms_gateway != "esms" or not self.sms_url):
            raise ValueError("NTM_ZALO_VIA=esms needs NTM_SMS_GATEWAY=esms and NTM_SMS_URL")
        return self
