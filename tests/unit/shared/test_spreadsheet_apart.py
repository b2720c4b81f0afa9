"""Workbooks read in a process of their own: the same cells and the same faults, and an end where it takes too long."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import sleep

import psutil
import pytest

from shared.problems import Problem
from shared.spreadsheet import apart, read_apart, read_grid
from tests.waiting import eventually
from tests.workbooks import a_csv, a_workbook


def endless(body: bytes) -> None:
    """Note the process, and go on for ever."""
    Path(body.decode()).write_text(str(os.getpid()))
    while True:
        with suppress(Exception):
            sleep(0.1)


def dying(_body: bytes) -> None:
    """End the process as the kernel ends one that takes too much memory."""
    os.kill(os.getpid(), 9)


async def test_a_workbook_has_the_same_cells_as_when_it_is_read_at_once() -> None:
    body = a_workbook()
    assert await read_apart(body) == read_grid(body, len)
    text = a_csv()
    assert await read_apart(text) == text


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04 no archive", b"%PDF-1.4", a_workbook()[:-200]])
async def test_a_file_that_is_refused_is_refused_by_the_same_words(body: bytes) -> None:
    with pytest.raises(Problem) as at_once:
        read_grid(body, len)
    with pytest.raises(Problem) as apart_from_us:
        await read_apart(body)
    assert apart_from_us.value.document("vi") == at_once.value.document("vi")


async def test_a_reading_that_does_not_end_is_ended_with_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "READING_SECONDS", 5)
    monkeypatch.setattr(apart, "_read", endless)
    noted = tmp_path / "process"
    with pytest.raises(Problem) as refused:
        await read_apart(str(noted).encode())
    assert refused.value.faults[0].kind.code == "reading_too_long"
    assert "hơn 5 giây" in refused.value.document("vi")["detail"]
    await eventually(lambda: not psutil.pid_exists(int(noted.read_text())))

    monkeypatch.undo()
    assert await read_apart(a_workbook()) == read_grid(a_workbook(), len)


async def test_a_process_that_dies_refuses_its_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_read", dying)
    with pytest.raises(Problem, match="file_refused"):
        await read_apart(a_workbook())
    monkeypatch.undo()
    assert await read_apart(a_workbook()) == read_grid(a_workbook(), len)
