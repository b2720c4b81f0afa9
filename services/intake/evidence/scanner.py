"""The scanner: ClamAV's daemon says whether a file is clean."""

from __future__ import annotations

from io import BytesIO

from aioclamd import ClamdAsyncClient, ClamdError

_PATIENCE_SECONDS = 30


class ScannerAwayError(Exception):
    """The daemon does not answer, or cannot scan the file."""


class Scanner:
    """ClamAV's daemon at `host:port`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._clamd = ClamdAsyncClient(host, int(port), timeout=_PATIENCE_SECONDS)

    async def finding(self, content: bytes) -> str | None:
        """Return the name of what is wrong with a file; None where it is clean. ScannerAwayError where nobody knows."""
        try:
            found = await self._clamd.instream(BytesIO(content))
        except (ClamdError, OSError) as error:
            raise ScannerAwayError from error
        match found:
            case {"stream": ("OK", _)}:
                return None
            case {"stream": ("FOUND", str(name))}:
                return name
        raise ScannerAwayError(str(found))
