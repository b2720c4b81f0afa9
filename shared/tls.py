"""TLS to the broker and the database, by certificates in files."""

from __future__ import annotations

import ssl
from pathlib import Path


class UnusableCertificateError(ValueError):
    """A file with certificates or a key cannot be used; names the setting, the file and the reason."""


def tls_context(prefix: str, ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context by which a server must prove the name in its address, and this program itself by a certificate.

    `ca`: the authorities that may vouch for the server; None: those that the machine trusts. `certificate` and `key`:
    the program's own, all in PEM. `prefix` begins the names of the settings, for the error: UnusableCertificateError.
    """
    if (certificate is None) != (key is None):
        raise UnusableCertificateError(
            f"{prefix}_CERTIFICATE_FILE and {prefix}_KEY_FILE belong together: set both or neither"
        )
    context = ssl.create_default_context()
    if ca is not None:
        # made anew: the default context would trust the machine's authorities beside this one
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(ca)
        except OSError as error:
            raise _unusable(f"{prefix}_CA_FILE", ca, error) from None
    if certificate is not None and key is not None:
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except OSError as error:
            named = f"{prefix}_CERTIFICATE_FILE, {prefix}_KEY_FILE"
            raise _unusable(named, f"{certificate}, {key}", error) from None
    return context


def _no_password() -> str:
    """Refuse a key that has a password: OpenSSL would ask the terminal for it, and a service would wait for ever."""
    return ""


def _unusable(setting: str, file: object, error: OSError) -> UnusableCertificateError:
    reason = "not PEM, or a key with a password" if type(error) is ssl.SSLError else str(error)
    return UnusableCertificateError(f"{setting} ({file}) cannot be used: {reason}")
