"""Public addresses: those of the internet, as against this machine and its networks."""

from __future__ import annotations

import ipaddress


def is_public(address: str) -> bool:
    """Say whether an IP address is on the internet: not this machine's, not private, not multicast."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    return found.is_global and not found.is_multicast
