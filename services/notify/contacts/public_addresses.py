"""Public IP addresses: the addresses of the internet, not those of this machine and its networks."""

from __future__ import annotations

import ipaddress


def is_public(address: str) -> bool:
    """Say whether an IP address is on the internet: not this machine's, not private, not multicast."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast
