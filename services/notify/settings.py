"""The settings of notify beside those of its delivery."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, SecretStr

from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.delivery.http_address import HttpAddress
from shared.settings import read_settings


class NotifySettings(DeliverySettings):
    """The settings of the service. Without an SMS gateway no SMS goes out, and each notice that needs one says so."""

    sms_report_token: SecretStr | None = Field(default=None, description="The token of delivery reports' callers.")
    sms_diacritics: bool = Field(default=False, description="SMS with diacritics: a part holds 70 characters, not 160.")
    sms_parts: int = Field(default=1, ge=1, le=3, description="The most parts that an SMS may take.")
    sms_price_dong: int = Field(default=0, ge=0, description="The cost of one part of an SMS.")
    sms_daily_budget_dong: int | None = Field(
        default=None, ge=0, description="The most that the SMS to a unit's offices may cost in a day."
    )
    public_url: HttpAddress | None = Field(default=None, description="Notify's address from outside, for those links.")
    wait_share: float = Field(
        default=1, ge=0, le=1, description="The share of the time of holding notices that notify really waits."
    )
    board_url: HttpAddress | None = Field(default=None, description="The address to which links in messages lead.")


@lru_cache
def settings() -> NotifySettings:
    """Return the settings of this process, which are read once."""
    return read_settings(NotifySettings)
