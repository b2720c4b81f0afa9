"""Word documents as PDF, by LibreOffice in a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAMS = ("soffice", "libreoffice")
SECONDS = 60
"""The longest that LibreOffice may take for a document; a report of a hundred pages takes some ten."""

_ONE = asyncio.Semaphore(1)
"""LibreOffice takes a core and 300 MB: documents wait for each other."""


class NoLibreOfficeError(Exception):
    """There is no LibreOffice on this machine."""


class PdfError(Exception):
    """LibreOffice made no PDF of a document, or not in time."""


def libreoffice() -> str | None:
    """Return the path of LibreOffice; None where there is none."""
    return next((path for program in PROGRAMS if (path := shutil.which(program))), None)


async def pdf_of(docx: bytes) -> bytes:
    """Return a Word document as PDF. Raises NoLibreOfficeError or PdfError."""
    program = libreoffice()
    if program is None:
        raise NoLibreOfficeError
    async with _ONE:
        with TemporaryDirectory(prefix="ntm-pdf-", ignore_cleanup_errors=True) as folder:
            return await _converted(program, docx, Path(folder))


async def _converted(program: str, docx: bytes, folder: Path) -> bytes:
    source = folder / "report.docx"
    await asyncio.to_thread(source.write_bytes, docx)
    # a profile of its own: of two that share one, LibreOffice starts only the first
    command = (program, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--norestore")
    process = await asyncio.create_subprocess_exec(
        *command, "--convert-to", "pdf", "--outdir", str(folder), str(source),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder)}, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            await process.wait()
    except TimeoutError:
        raise PdfError(f"LibreOffice took more than {SECONDS} s") from None
    finally:
        with suppress(ProcessLookupError):  # also what it has started, and where the request was given up
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    made = folder / "report.pdf"
    if not made.exists():
        raise PdfError(f"LibreOffice ended with status {process.returncode} and made no PDF")
    return await asyncio.to_thread(made.read_bytes)
