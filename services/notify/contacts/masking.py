"""Masked addresses, for readers who need not know the address."""

from __future__ import annotations

SHOWN_OF_PHONE = 3


def mask_address(address: str) -> str:
    """Return the address masked, as `p***@example.vn` or `***678`; an empty address stays empty."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"***{address[-SHOWN_OF_PHONE:]}" if address else ""


def mask_in(text: str, address: str) -> str:
    """Return the text with the address masked wherever a provider has quoted the address."""
    for written in {address, address.removeprefix("+"), "0" + address.removeprefix("+84")} - {"", "0"}:
        text = text.replace(written, mask_address(address))
    return text
