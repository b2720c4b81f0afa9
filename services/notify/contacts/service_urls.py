"""URLs of messaging services, as the library Apprise reads them.

A contact may name one of the services below. Any other of Apprise's hundred and more may act on this machine, call any
address or read files: each has to be looked at before it stands here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl

import apprise

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
    if scheme not in {*HOSTED, ZULIP, *OWN_SERVER} or not rest.isprintable() or not _is_plain(scheme, rest):
        return None
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)


def _is_plain(scheme: str, rest: str) -> bool:
    """Say whether a URL names its host without disguise, and has harmless parameters only."""
    place, _, query = rest.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True, separator="&")
    if any(name not in _PARAMETERS for name, _ in parameters) or (query and not parameters):
        return False
    if any(name == "mode" and value not in _MODES for name, value in parameters):
        return False
    if scheme in HOSTED:
        return True
    host = _HOST.match(place)
    if host is None:
        return False
    return scheme != ZULIP or "." not in host["host"] or host["host"].lower().endswith(".zulipchat.com")


def names_inside(url: str) -> bool:
    """Say whether the URL names the server of a service by an address inside of our networks."""
    scheme, _, rest = url.partition("://")
    host = _HOST.match(rest)
    address = as_address(host["host"]) if host and scheme.lower() in OWN_SERVER else None
    return address is not None and not is_public(address)
