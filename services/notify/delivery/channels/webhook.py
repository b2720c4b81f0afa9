"""Webhooks by the rules of standardwebhooks.com: signed, retried under the same id, never redirected."""

from __future__ import annotations

import asyncio
import secrets
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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

_RESOLVING = 16
"""Names that are resolved at once."""
_RESOLVE_SECONDS = 5.0


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
    host = host_of(address)
    if host is None:
        return "not an address"
    url = URL(address)
    if url.scheme != "https" or url.user is not None:
        return "not an https address"
    stated = as_address(host)
    return None if stated is None or is_public(stated) else f"{stated} is not a public address"


def host_of(address: str) -> str | None:
    """Return the host that an address names; None where it is no address, or has marks that no address has."""
    if not address.isprintable() or " " in address:
        return None
    try:
        return URL(address).host or None
    except ValueError:  # also of a name that cannot be written in a DNS query
        return None


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
    """A resolver of names to public addresses only, so that no subscriber reaches machines that only we can reach.

    It has threads of its own: a subscriber whose names take long keeps no other channel from resolving names.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVING, "webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; PrivateAddressError where all its addresses are private."""
        ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        async with asyncio.timeout(_RESOLVE_SECONDS):  # whoever waited longer gives his place in the queue to others
            found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        public = [
            ResolveResult(
                hostname=host,
                host=str(peer[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, peer in found
            if is_public(str(peer[0]))
        ]
        if found and not public:
            raise PrivateAddressError(f"{host} is not a public address")
        return public

    async def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
