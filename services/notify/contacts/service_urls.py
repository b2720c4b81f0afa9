"""URLs of messaging services, as the library Apprise reads them."""

from __future__ import annotations

from functools import lru_cache

import apprise

# These schemes act on the machine that notify runs on, or send by a way for which notify has another channel.
_LOCAL = {
    "dbus", "glib", "gio", "blink1", "gnome", "kde", "macosx", "qt", "syslog", "windows", "file", "fluentd", "rsyslog",
    "mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms",
    "fcm", "vapid",  # read their keys from files and addresses that the URL names
}  # fmt: skip


@lru_cache(10_000)
def is_service(url: str) -> bool:
    """Say whether the URL is that of a messaging service outside this machine."""
    return plugin_of(url) is not None


def plugin_of(url: str) -> apprise.NotifyBase | None:
    """Return Apprise's plugin for the URL; None where there is none, or where it would act on this machine."""
    scheme = url.partition(":")[0].strip().lower()
    return None if scheme in _LOCAL else apprise.Apprise.instantiate(url, suppress_exceptions=True)
