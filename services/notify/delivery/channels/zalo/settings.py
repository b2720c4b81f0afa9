"""The settings of Zalo's notification messages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from services.notify.delivery.channels.sms.settings import SmsSettings
from services.notify.delivery.http_address import HttpAddress


class ZaloSettings(SmsSettings):
    """The settings of Zalo: the way that its messages take, our Official Account, and the approved template."""

    zalo_via: Literal["esms", "zalo"] | None = Field(
        default=None, description="Zalo before each SMS: by eSMS, with its keys, or directly. None: SMS alone."
    )
    zalo_template: Path | None = Field(default=None, description="A YAML file: the template that Zalo has approved.")
    zalo_wait_seconds: float = Field(
        default=600, ge=0, description="Where no report says within this time that it arrived, an SMS follows."
    )
    zalo_oa_id: str = Field(default="", description="The id of the Official Account, which eSMS asks for.")
    zalo_url: HttpAddress = "https://business.openapi.zalo.me"
    zalo_oauth_url: HttpAddress = "https://oauth.zaloapp.com"
    zalo_app_id: str = ""
    zalo_app_secret: SecretStr = SecretStr("")
    zalo_refresh_token: SecretStr = Field(
        default=SecretStr(""), description="The first one; notify keeps those that follow in its database."
    )
    zalo_oa_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret of the Official Account that signs Zalo's calls."
    )

    def missing_zalo_settings(self) -> list[str]:
        """Return the environment's names of the settings that the way needs and that are empty."""
        needed = {
            "esms": ("zalo_template", "zalo_oa_id"),
            "zalo": ("zalo_template", "zalo_app_id", "zalo_app_secret", "zalo_refresh_token"),
        }
        names = needed[self.zalo_via] if self.zalo_via else ()
        return [f"NTM_{name.upper()}" for name in names if not getattr(self, name)]
