"""Sending by Apprise in a process of its own, which can be ended whatever a server does.

The process connects to public addresses only. Python asks it about each connection, so this holds for every library,
every redirect, and every name that leads elsewhere the second time that it is resolved.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Literal

import apprise

from services.notify.contacts.public_addresses import is_public
from services.notify.contacts.service_urls import plugin_of

type Answer = Literal["taken", "not taken", "not a service", "not a public address"]

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class _Guard:
    """The hook that refuses connections; Python keeps it for as long as the process lives."""

    is_installed = False
    is_open = False
    has_refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse a connection to an address that is not public."""
        if event not in _CONNECTING or self.is_open or _is_public_peer(*arguments[:2]):
            return
        self.has_refused = True
        raise PermissionError("not a public address")


_guard = _Guard()


def send(url: str, title: str, body: str, is_open: bool) -> Answer:
    """Send a message. Apprise answers only yes or no; its log may hold the URL's secrets."""
    if not _guard.is_installed:
        sys.addaudithook(_guard)
        _guard.is_installed = True
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]  # a proxy would connect in our place
    _guard.is_open, _guard.has_refused = is_open, False
    plugin = plugin_of(url)
    if plugin is None:
        return "not a service"
    plugin.redirects = plugin.redirects and is_open
    taken = apprise.Apprise(plugin).notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    if taken:
        return "taken"
    return "not a public address" if _guard.has_refused else "not taken"


def _is_public_peer(peer: socket.socket, address: Any) -> bool:
    if peer.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        return is_public(str(address[0]))
    except ValueError:
        return False  # a name: libraries resolve before they connect
