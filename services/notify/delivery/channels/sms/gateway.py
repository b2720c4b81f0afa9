"""The interface of SMS gateways. A gateway is a module with a `GATEWAY`, and a line in `gateways.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notify.delivery.channels.channel import Channel
from services.notify.delivery.channels.sms.settings import SmsSettings


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A gateway's report on a message that it accepted earlier.

    `provider_id`: the gateway's id of the message; `is_delivered`: None while the message is on its way; `request_id`:
    our id, where the gateway repeats it, since the answer with the gateway's own id may have been lost.
    """

    provider_id: str
    is_delivered: bool | None
    detail: str
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SmsGateway:
    """An SMS gateway.

    `open_channel`: returns the gateway's channel, None where the gateway is not set up. `read_report`: reads the fields
    of a gateway's call, None where they are no delivery report. `needed_settings`: must be set wherever `sms_url` is.
    """

    open_channel: Callable[[SmsSettings], Channel | None]
    read_report: Callable[[Mapping[str, Any], SmsSettings], DeliveryReport | None]
    needed_settings: tuple[str, ...] = ()

    def missing_settings(self, settings: SmsSettings) -> list[str]:
        """Return the environment's names of the settings that the gateway needs and that are empty."""
        if not settings.sms_url:
            return []
        return [f"NTM_{name.upper()}" for name in self.needed_settings if not getattr(settings, name)]
