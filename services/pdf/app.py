"""`POST /v1/pdf`: a Word document comes in, its PDF goes out. Only scoring calls it; no port of it is published."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.pdf import NoLibreOfficeError, PdfError, libreoffice, pdf_of

LARGEST_BYTES = 20_000_000
"""The largest document that is taken: a hundred times that of a province's report."""


async def convert(request: Request) -> Response:
    """Return the PDF of the document that the body holds."""
    if int(request.headers.get("content-length", LARGEST_BYTES + 1)) > LARGEST_BYTES:
        return PlainTextResponse("too large", 413)
    try:
        return Response(await pdf_of(await request.body()), media_type="application/pdf")
    except NoLibreOfficeError:
        return PlainTextResponse("no LibreOffice", 501)
    except PdfError as error:
        return PlainTextResponse(str(error), 422)


async def health(request: Request) -> Response:  # noqa: ARG001 - Starlette calls it so
    """Answer while the process lives and has LibreOffice."""
    return PlainTextResponse("ok") if libreoffice() else PlainTextResponse("no LibreOffice", 503)


app = Starlette(routes=[Route("/v1/pdf", convert, methods=["POST"]), Route("/healthz", health)])
