"""The channels that are set up."""

from __future__ import annotations

from services.notify.delivery.channels.apprise import Apprise
from services.notify.delivery.channels.channel import Channel
from services.notify.delivery.channels.email import Email
from services.notify.delivery.channels.pace import paced
from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.delivery.channels.sms.gateways import GATEWAYS
from services.notify.delivery.channels.webhook import Webhook
from shared.contracts.alert import ChannelName


def configured_channels(settings: DeliverySettings) -> dict[ChannelName, Channel]:
    """Return the channels by their names: mail, webhooks and Apprise always, SMS where a gateway is set up."""
    channels: dict[ChannelName, Channel] = {
        "email": paced(Email(settings), settings.email_per_second),
        "webhook": Webhook(settings),
        "apprise": Apprise(settings),
    }
    if gateway := GATEWAYS[settings.sms_gateway].open_channel(settings):
        channels["sms"] = paced(gateway, settings.sms_per_second)
    return channels
