"""The service that makes PDF files, as a process with a real LibreOffice, by itself and behind scoring.

Without LibreOffice the tests skip; they fail if NTM_NEED_LIBREOFFICE=1.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared.pdf import libreoffice
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.libreoffice import a_document, pages_of
from tests.running import Service, Surroundings, afresh
from tests.waiting import eventually


@pytest.fixture
async def pdf(tmp_path: Path) -> AsyncIterator[Service]:
    """The running service, which keeps its files in `tmp_path / "files"`."""
    if libreoffice() is None:
        reason = "NO PDF IS MADE: no LibreOffice was found. Install libreoffice-writer-nogui."
        if os.environ.get("NTM_NEED_LIBREOFFICE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    (tmp_path / "files").mkdir()
    service = Service("pdf", {"TMPDIR": str(tmp_path / "files")}, tmp_path / "pdf.log", afresh)
    await begin(service)
    yield service
    await service.stop()


async def begin(service: Service) -> None:
    await service.spawn()

    async def is_healthy() -> bool:
        try:
            async with service.client() as client:
                return (await client.get("/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    await eventually(is_healthy, explain=service.log.read_text)


async def made(service: Service, document: bytes) -> httpx.Response:
    async with service.client() as client:
        return await client.post("/v1/pdf", content=document, timeout=120)


async def test_documents_that_come_at_once_each_become_a_pdf_with_their_own_pages(pdf: Service, tmp_path: Path) -> None:
    answers = await asyncio.gather(*(made(pdf, a_document(pages)) for pages in (1, 2, 3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [pages_of(answer.content) for answer in answers] == [1, 2, 3]
    assert list((tmp_path / "files").iterdir()) == [], "nothing of a document stays"


async def test_a_document_that_is_cut_off_is_refused_and_the_next_one_is_made(pdf: Service, tmp_path: Path) -> None:
    document = a_document()
    assert (await made(pdf, document[: len(document) // 2])).status_code == 422
    assert pages_of((await made(pdf, document)).content) == 1
    assert list((tmp_path / "files").iterdir()) == []


async def test_scorings_report_is_made_by_the_service_and_answered_501_while_it_does_not_run(
    pdf: Service, around: Surroundings
) -> None:
    scoring = await around.start("scoring", NTM_PDF_URL=pdf.url)
    await put_on_stream(around, poverty_report("2023-06", 190))
    async with scoring.client(await around.key("20")) as client:

        async def has_figures() -> bool:
            return bool((await client.get("/v1/changes", params={"since": "2023-06-01"})).json()["items"])

        await eventually(has_figures)
        found = await client.get("/v1/reports/2023-06.pdf", timeout=180)
        assert (found.status_code, found.headers["content-type"]) == (200, "application/pdf")
        assert pages_of(found.content) >= 4, "the report with its tables, its chart and an annex"

        await pdf.kill()
        gone = await client.get("/v1/reports/2023-06.pdf")
        assert gone.status_code == 501
        assert ".docx" in gone.json()["detail"]
        await begin(pdf)
        again = await client.get("/v1/reports/2023-06.pdf", timeout=180)
        assert pages_of(again.content) == pages_of(found.content)
