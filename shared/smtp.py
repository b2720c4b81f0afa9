"""The client of the mail server that the settings name."""

from __future__ import annotations

import ssl
from functools import cache

import aiosmtplib

from shared.settings import Settings


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def smtp_client(settings: Settings, timeout_seconds: float) -> aiosmtplib.SMTP:
    """Return a client that is not connected yet."""
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_tls,
        start_tls=settings.smtp_starttls and not settings.smtp_tls,
        tls_context=_tls(),
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        timeout=timeout_seconds,
    )
