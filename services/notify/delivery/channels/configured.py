"""The channels that are set up."""

from __future__ import annotations

from services.notify.delivery.channels.apprise import Apprise
from services.notify.delivery.channels.channel import Channel
from services.notify.delivery.channels.email import Email
from services.notify.delivery.channels.pace import paced
from services.notify.delivery.channels.sms.esms import Esms
from services.notify.delivery.channels.sms.generic import GatewayContract, Generic
from services.notify.delivery.channels.sms.speedsms import SpeedSms
from services.notify.delivery.channels.webhook import Webhook
from services.notify.settings import NotifySettings
from shared.contracts.alert import ChannelName
from shared.reference.located import read_yaml


def channels(settings: NotifySettings) -> dict[ChannelName, Channel]:
    """Mail, webhooks and Apprise always; SMS where a gateway is set."""
    found: dict[ChannelName, Channel] = {
        "email": paced(Email(settings), settings.email_per_second),
        "webhook": Webhook(settings),
        "apprise": Apprise(settings),
    }
    if gateway := _gateway(settings):
        found["sms"] = paced(gateway, settings.sms_per_second)
    return found


def contract_of(settings: NotifySettings) -> GatewayContract | None:
    """What a generic gateway's file says."""
    return read_yaml(settings.sms_contract).parse(GatewayContract) if settings.sms_contract else None


def _gateway(settings: NotifySettings) -> Channel | None:
    if settings.sms_gateway == "generic":
        contract = contract_of(settings)
        return Generic(settings, contract) if contract else None
    if not settings.sms_url:
        return None
    return Esms(settings) if settings.sms_gateway == "esms" else SpeedSms(settings)
