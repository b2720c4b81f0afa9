"""A program in LibreOffice's place, and what the tests see of a PDF."""

from __future__ import annotations

import os
import re
import stat
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document

ECHOES = 'for last; do :; done\n{ printf "pdf of "; cat "$last"; } >"${last%.docx}.pdf"'
"""The lines of a program that makes `pdf of word` of `word`."""


def a_program(folder: Path, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in LibreOffice's place."""
    program = folder / "soffice"
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def a_document(pages: int = 1) -> bytes:
    """Build a Word document of some pages."""
    document = Document()
    for page in range(pages):
        document.add_paragraph(f"Trang {page + 1}").paragraph_format.page_break_before = page > 0
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def pages_of(pdf: bytes) -> int:
    """Return the number of pages of a PDF that LibreOffice has made: it writes their objects uncompressed."""
    assert pdf.startswith(b"%PDF-"), pdf[:200]
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
