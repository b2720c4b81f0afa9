"""PDF files: without LibreOffice 501 with another way, and one that hangs is ended."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from services.scoring.asking.pdf import report_as_pdf
from shared import pdf
from shared.problems import Problem, Problems
from tests.libreoffice import ECHOES, a_program
from tests.waiting import eventually


async def problem_of(url: str | None = None) -> Problem:
    with pytest.raises(Problem) as raised:
        await report_as_pdf(b"word", url)
    return raised.value


async def test_without_libreoffice_the_answer_names_the_word_file_and_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    problem = await problem_of()
    assert problem.kind is Problems.FORMAT_NOT_INSTALLED
    for language in ("vi", "en"):
        assert ".docx" in str(problem.document(language)["detail"])
        assert "COMPOSE_PROFILES=pdf" in str(problem.document(language)["detail"])


async def test_a_service_that_was_not_started_is_as_good_as_none() -> None:
    assert (await problem_of("http://127.0.0.1:9")).kind is Problems.FORMAT_NOT_INSTALLED


async def test_the_pdf_is_what_the_program_has_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, ECHOES, monkeypatch)
    assert await report_as_pdf(b"word", None) == b"pdf of word"


async def test_a_program_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "SECONDS", 0.2)
    a_program(tmp_path, f"sleep 1000 & echo $! >{tmp_path}/child; wait", monkeypatch)
    assert (await problem_of()).kind is Problems.UNAVAILABLE
    child = int((tmp_path / "child").read_text())
    await eventually(lambda: has_ended(child))


async def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_program_that_fails_is_no_fault_of_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "exit 3", monkeypatch)
    assert (await problem_of()).kind is Problems.UNAVAILABLE
