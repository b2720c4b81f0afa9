"""URLs of messaging services, as the library Apprise reads them.

A contact may name one of the services below. Any other of Apprise's hundred and more may act on this machine, call any
address or read files: each has to be looked at before it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import apprise
from apprise.plugins import url_to_dict

from services.notify.contacts.public_addresses import as_address, is_public

HOSTED = frozenset({"tgram", "slack", "discord", "gchat", "wxteams", "whatsapp", "line", "viber", "pover"})
"""Services with addresses of their own: Telegram, Slack, Discord, Google Chat, Webex, WhatsApp, LINE, Viber, Pushover.
"""
ZULIP = "zulip"
"""Zulip: its URL names an organisation, in whose place Apprise takes any host."""
OWN_SERVER = frozenset(
    {"gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "ntfy", "ntfys", "nctalk"}
    | {"nctalks", "synology", "synologys", "workflows"}
)
"""Services whose URL names the server: Gotify, Mattermost, Rocket.Chat, Matrix, ntfy, Nextcloud Talk, Synology Chat,
and Teams' workflows.
"""
_PARAMETERS = frozenset({"format", "overflow", "priority", "silent", "thread", "topic", "mode"})
"""The parameters that may follow a question mark.

All else may lead elsewhere (`template`, `redirect`, `avatar_url`), weaken TLS (`verify`), add headers (`+X`) or prolong
the deadline (`cto`, `rto`).
"""
_MODES = frozenset({"bot", "webhook", "t2bot", "cloud", "private", "slack", "matrix", "w", "b"})
_HOST = re.compile(r"(?:[^@/?#]*@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/?#@%\\\s]+)(?::\d+)?(?:[/?#]|$)")


@lru_cache(10_000)
def is_service(url: str) -> bool:
    """Say whether the URL is that of a messaging service that contacts may have."""
    return plugin_of(url) is not None


def plugin_of(url: str) -> apprise.NotifyBase | None:
    """Return Apprise's plugin for the URL; None where it is of no named service, or says more than it may."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme not in {*HOSTED, ZULIP, *OWN_SERVER} or not rest.isprintable() or not _names_its_host(scheme, rest):
        return None
    # nobody else's reading will do: Apprise splits parameters at semicolons, too
    read = url_to_dict(url)  # type: ignore[no-untyped-call]
    return apprise.Apprise.instantiate(read) if read and _is_harmless(read["qsd"]) else None


def _is_harmless(parameters: Mapping[str, str]) -> bool:
    return _PARAMETERS.issuperset(parameters) and parameters.get("mode", "bot") in _MODES


def _names_its_host(scheme: str, rest: str) -> bool:
    """Say whether a URL names its host without disguise, where it is not the service that has one."""
    if scheme in HOSTED:
        return True
    host = _HOST.match(rest.partition("?")[0])
    if host is None:
        return False
    return scheme != ZULIP or "." not in host["host"] or host["host"].lower().endswith(".zulipchat.com")


def names_inside(url: str) -> bool:
    """Say whether the URL names the server of a service by an address inside of our networks."""
    scheme, _, rest = url.partition("://")
    host = _HOST.match(rest)
    address = as_address(host["host"]) if host and scheme.lower() in OWN_SERVER else None
    return address is not None and not is_public(address)
