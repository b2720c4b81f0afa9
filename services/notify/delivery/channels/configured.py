"""The channels that are set up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiohttp import ClientSession
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify.delivery.channels.apprise import Apprise
from services.notify.delivery.channels.channel import Channel, Session
from services.notify.delivery.channels.email import Email
from services.notify.delivery.channels.http import GATEWAY_SESSIONS, Client, Pooled
from services.notify.delivery.channels.pace import paced
from services.notify.delivery.channels.settings import DeliverySettings
from services.notify.delivery.channels.sms.gateways import GATEWAYS
from services.notify.delivery.channels.webhook import Webhook
from services.notify.delivery.channels.zalo.before_sms import ZaloBeforeSms
from services.notify.delivery.channels.zalo.by_esms import ZaloByEsms
from services.notify.delivery.channels.zalo.direct import ZaloDirectly
from services.notify.delivery.channels.zalo.template import read_template
from services.notify.delivery.channels.zalo.tokens import Tokens
from shared.contracts.alert import ChannelName


def configured_channels(settings: DeliverySettings, engine: AsyncEngine) -> dict[ChannelName, Channel]:
    """Return the channels by their names: mail, webhooks and Apprise always, `sms` where there is a way to phones."""
    channels: dict[ChannelName, Channel] = {
        "email": paced(Email(settings), settings.email_per_second),
        "webhook": Webhook(settings),
        "apprise": Apprise(settings),
    }
    gateway = GATEWAYS[settings.sms_gateway].open_channel(settings)
    if phones := _phones(settings, gateway, engine):
        channels["sms"] = paced(phones, settings.sms_per_second)
    return channels


def _phones(settings: DeliverySettings, sms: Channel | None, engine: AsyncEngine) -> Channel | None:
    """Return the channel to phones: Zalo before SMS where Zalo is set up."""
    if settings.zalo_via is None or settings.zalo_template is None:
        return sms
    template = read_template(settings.zalo_template)
    begin: Callable[[ClientSession], Session]
    if settings.zalo_via == "esms":
        begin = partial(ZaloByEsms, settings=settings, template=template)
    else:
        begin = partial(ZaloDirectly, settings=settings, template=template, tokens=Tokens(engine, settings))
    zalo = Pooled(Client(settings.send_timeout_seconds), GATEWAY_SESSIONS, begin)
    return ZaloBeforeSms(zalo, sms, settings.zalo_wait_seconds, settings.retry_for_seconds)
