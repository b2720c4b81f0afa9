"""The SMS gateways that notify can use, by the names that `NTM_SMS_GATEWAY` and the delivery reports' path give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from services.notify.delivery.channels.sms import esms, generic, speedsms
from services.notify.delivery.channels.sms.gateway import SmsGateway

GATEWAYS: Mapping[str, SmsGateway] = {
    "esms": esms.GATEWAY,
    "speedsms": speedsms.GATEWAY,
    "generic": generic.GATEWAY,
}

if TYPE_CHECKING:
    type GatewayName = str
else:
    GatewayName = Literal[tuple(GATEWAYS)]  # settings and documents list the names
