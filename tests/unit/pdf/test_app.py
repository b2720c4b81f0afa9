"""The service that makes PDF files: what it answers to scoring, with a program in LibreOffice's place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.pdf.app import LARGEST_BYTES, app
from tests.libreoffice import ECHOES, a_program


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://pdf") as client:
        yield client


async def test_a_document_is_answered_by_its_pdf(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, ECHOES, monkeypatch)
    answer = await client.post("/v1/pdf", content=b"word")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (
        200, "application/pdf", b"pdf of word",
    )  # fmt: skip
    assert (await client.get("/healthz")).status_code == 200


async def test_without_libreoffice_it_says_so_and_is_not_healthy(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (await client.post("/v1/pdf", content=b"word")).status_code == 501
    assert (await client.get("/healthz")).status_code == 503


async def test_a_document_of_which_no_pdf_is_made_is_refused_with_the_reason(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "exit 3", monkeypatch)
    answer = await client.post("/v1/pdf", content=b"word")
    assert (answer.status_code, answer.text) == (422, "LibreOffice ended with status 3 and made no PDF")


async def test_what_is_too_large_or_does_not_say_how_large_it_is_reaches_no_program(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, f"touch {tmp_path}/started", monkeypatch)

    async def parts() -> AsyncIterator[bytes]:
        yield b"word"

    large = {"content-length": str(LARGEST_BYTES + 1)}
    assert (await client.post("/v1/pdf", content=b"word", headers=large)).status_code == 413
    assert (await client.post("/v1/pdf", content=parts())).status_code == 413
    assert not (tmp_path / "started").exists()


async def test_it_makes_pdf_files_and_nothing_else(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/pdf")).status_code == 405
    for path in ("/", "/docs", "/metrics", "/v1/reports/2023-06.pdf"):
        assert (await client.get(path)).status_code == 404
