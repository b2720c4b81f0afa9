"""A report as PDF: by the service with LibreOffice that the settings name, else by LibreOffice on this machine."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit

import structlog

from services.scoring.texts import phrase
from shared.http.work_slots import WorkSlots
from shared.pdf import SECONDS, NoLibreOfficeError, PdfError, pdf_of
from shared.problems import Problem, Problems

log = structlog.get_logger()

_CONNECT_SECONDS = 5
_SLOTS = WorkSlots(at_once=1, limit=8)
"""LibreOffice makes one file at a time; who would wait for many others is asked to come again."""


async def report_as_pdf(docx: bytes, url: str | None) -> bytes:
    """Return the document as PDF; problem 501 where nothing here can make one, 503 where it failed or took
    too long, 429 where too many wait already.

    `url`: the address of the service `services.pdf`.
    """
    try:
        async with _SLOTS.taken():
            return await (asyncio.to_thread(_fetched, url, docx) if url else pdf_of(docx))
    except NoLibreOfficeError:
        raise Problem(Problems.FORMAT_NOT_INSTALLED, detail=phrase("report.no_pdf")) from None
    except PdfError as error:
        log.warning("no PDF was made of a report", reason=str(error))
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "30"}, detail=phrase("report.pdf_failed")) from None


def _fetched(url: str, docx: bytes) -> bytes:
    """Return the PDF that the service at `url` makes. An address at which nobody is means that it was not started."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_CONNECT_SECONDS)
    try:
        try:
            connection.connect()
        except OSError:
            raise NoLibreOfficeError from None
        connection.sock.settimeout(2 * SECONDS)
        connection.request("POST", "/v1/pdf", docx)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise PdfError(f"{url}: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.NOT_IMPLEMENTED:
        raise NoLibreOfficeError
    if answer.status != http.HTTPStatus.OK:
        raise PdfError(f"{url}: {answer.status}")
    return body
