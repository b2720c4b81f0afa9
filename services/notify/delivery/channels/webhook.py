"""Webhooks by the rules of standardwebhooks.com: signed, retried under the same id, never redirected."""

from __future__ import annotations

import secrets
import socket
from base64 import b64encode
from http import HTTPStatus
from time import time

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from services.notify.alerts.notice import Notice
from services.notify.contacts.public_addresses import as_address, is_public
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.http import Client, Pooled, busy, unreachable
from services.notify.delivery.channels.settings import DeliverySettings
from shared.webhook_signature import signed

_SECRET_BYTES = 32
_PREFIX = "whsec_"
_ANSWER_LIMIT = 2048
"""The most bytes of an answer that the channel reads; a longer answer costs the receiver its connection."""


class Webhook(Pooled):
    """The channel that calls the systems that subscribed."""

    def __init__(self, settings: DeliverySettings) -> None:
        is_open = settings.webhook_allow_private

        def connector() -> aiohttp.TCPConnector:
            resolver = ThreadedResolver() if is_open else PublicResolver()
            factory = None if is_open else _public_socket
            return aiohttp.TCPConnector(limit=0, resolver=resolver, ttl_dns_cache=30, socket_factory=factory)

        client = Client(settings.send_timeout_seconds, connector)
        super().__init__(client, settings.webhook_sessions, lambda kept: _WebhookSession(kept, allows_private=is_open))


class _WebhookSession:
    def __init__(self, client: aiohttp.ClientSession, *, allows_private: bool) -> None:
        self._client, self._allows_private = client, allows_private

    async def deliver(self, notice: Notice) -> Outcome:
        """Call the receiver once. The receiver recognises a repetition by its `webhook-id`."""
        body, request_id = notice.wording.text.encode(), str(notice.request_id)
        if not self._allows_private and (fault := endpoint_fault(notice.address)):
            return Outcome(Result.PERMANENT, fault, ends_address=True)
        headers = {"content-type": "application/json", **signed(request_id, int(time()), body, notice.signing_secrets)}
        try:
            async with self._client.post(
                URL(notice.address, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                return await read_answer(response)
        except PrivateAddressError as error:
            return Outcome(Result.PERMANENT, str(error), ends_address=True)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            outcome = unreachable(error)
            # a receiver that is away says nothing about the other receivers
            return Outcome(outcome.result, outcome.detail)


async def read_answer(response: aiohttp.ClientResponse) -> Outcome:
    """Return the outcome of a call: 2xx accepts it, 410 ends the endpoint; after other answers, notify tries again."""
    content = await response.content.read(_ANSWER_LIMIT)  # of a 2xx too: an unread rest would end the connection
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(Result.SENT, f"HTTP {response.status}")
    words = " ".join(content.decode(errors="replace").split())
    detail = f"HTTP {response.status} {words}".rstrip()
    if response.status == HTTPStatus.GONE:
        return Outcome(Result.PERMANENT, detail, ends_address=True)
    waits = busy(response)
    return Outcome(Result.TEMPORARY, detail, retry_after_seconds=waits.retry_after_seconds if waits else 0)


def new_secret() -> str:
    """Return a new secret to sign with, in the form that receivers' libraries take."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def endpoint_fault(address: str) -> str | None:
    """Return the reason why notify never calls an address, else None.

    `PublicResolver` checks addresses with a name, and the connection itself is checked once more.
    """
    try:
        url = URL(address)
    except ValueError:
        return "not an address"
    if url.scheme != "https" or not url.host or url.user is not None:
        return "not an https address"
    stated = as_address(url.host)
    return None if stated is None or is_public(stated) else f"{stated} is not a public address"


class PrivateAddressError(aiohttp.ClientError):
    """A host's name leads into a private network."""


def _public_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make the socket for a connection; PrivateAddressError where it would lead into a private network.

    Hosts of digits and dots, such as `127.1`, never come to a resolver.
    """
    family, kind, protocol, _, peer = address
    if not is_public(str(peer[0])):
        raise PrivateAddressError(f"{peer[0]} is not a public address")
    return socket.socket(family, kind, protocol)


class PublicResolver(AbstractResolver):
    """A resolver of names to public addresses only, so that no subscriber reaches machines that only we can reach."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; PrivateAddressError where all its addresses are private."""
        addresses = await self._resolver.resolve(host, port, family)
        public = [address for address in addresses if is_public(address["host"])]
        if addresses and not public:
            raise PrivateAddressError(f"{host} is not a public address")
        return public

    async def close(self) -> None:
        """Close the resolver beneath."""
        await self._resolver.close()
