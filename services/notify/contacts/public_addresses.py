"""Public IP addresses: the addresses of the internet, not those of this machine and its networks."""

from __future__ import annotations

import ipaddress
import socket

_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The addresses of the internet; `::7f00:1`, `fec0::1` and the like are none of them."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that a gateway translates to the IPv4 address in their last 32 bits (RFC 6052)."""
_TEREDO = ipaddress.IPv6Network("2001::/32")
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
"""Addresses of examples (RFC 9637), of which Python 3.13.0 does not know."""
_ISATAP = {0x00005EFE, 0x02005EFE}
"""The third quarter of addresses that tunnel to the IPv4 address in their last 32 bits (RFC 5214)."""


def is_public(address: str) -> bool:
    """Say whether an IP address is on the internet: not this machine's, not private, not multicast.

    An address that leads to an IPv4 address within it is as public as that one.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if inner := _inner(ip):
            return is_public(str(inner))
        if ip not in _UNICAST or ip in _TEREDO or ip in _DOCUMENTATION or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    return ip.is_global and not ip.is_multicast


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def as_address(host: str) -> str | None:
    """Return the IP address that a host writes in any way that systems read (`127.1`, `0x7f.1`, `2130706433`, `[::1]`);
    None for a name.
    """
    plain = host.strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(plain.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(plain))
    except (OSError, UnicodeError):
        return None
