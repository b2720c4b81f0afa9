"""Operators are told of a trouble once, again each day, and of its end; one that comes and goes makes no storm."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.notify.alerts.operator_turns import Memory, Patience, after_report, after_telling, turn
from shared.contracts.bilingual import Bilingual
from shared.contracts.trouble import TroubleReported

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
WORDS = Bilingual(vi="Đĩa đầy.", en="The disk is full.")


def report(minute: float, state: str, told_minute: float | None = None) -> TroubleReported:
    return TroubleReported.model_validate(
        {
            "id": uuid4(),
            "service": "intake",
            "code": "disk",
            "state": state,
            "since": at(minute),
            "at": at(minute),
            "words": WORDS,
            "remedy": WORDS,
            "told_at": None if told_minute is None else at(told_minute),
        }
    )


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def tellings(reports: list[TroubleReported], until_minute: int) -> list[tuple[int, str]]:
    """Return what operators are told, and in which minute, by these reports."""
    memory: Memory | None = None
    told, waiting = [], list(reports)
    for minute in range(until_minute + 1):
        while waiting and waiting[0].at <= at(minute):
            memory = after_report(memory, waiting.pop(0), at(minute))
        if memory and (standing := turn(memory, at(minute), Patience())):
            memory = after_telling(memory, standing, at(minute))
            told.append((minute, standing))
    return told


def test_a_trouble_is_told_once_again_each_day_and_its_end_once() -> None:
    lasting = [report(minute, "raised") for minute in range(3000)]
    assert tellings([*lasting, report(3000, "cleared")], 6000) == [
        (1, "raised"), (1441, "lasts"), (2881, "lasts"), (3010, "ended"),
    ]  # fmt: skip


def test_an_end_that_only_one_of_several_processes_reports_is_not_told() -> None:
    reports = [report(0, "raised"), report(5, "cleared"), report(6, "raised"), report(14, "cleared")]
    assert tellings([*reports, report(15, "raised")], 1000) == [(1, "raised")]


def test_a_trouble_that_comes_and_goes_is_told_at_most_twice_an_hour() -> None:
    reports = [report(minute, "raised" if minute % 24 < 12 else "cleared") for minute in range(0, 24 * 60, 12)]
    told = tellings(reports, 24 * 60)
    assert len(told) <= 2 * 24
    assert all(later[0] - earlier[0] >= 10 for earlier, later in itertools.pairwise(told))


def test_a_trouble_of_seconds_is_not_told() -> None:
    assert tellings([report(0, "raised"), report(0, "cleared")], 100) == []


def test_what_a_service_told_by_itself_is_told_no_second_time_but_its_end_is() -> None:
    told = [report(0, "raised", told_minute=1), report(30, "cleared", told_minute=1)]
    assert tellings(told, 100) == [(40, "ended")]
    assert tellings(told[1:], 100) == [(40, "ended")]


def test_an_end_of_what_was_never_raised_is_nothing() -> None:
    assert after_report(None, report(0, "cleared"), START) is None
