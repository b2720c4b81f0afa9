"""The tail of the log: what it adds to a history, and how long it waits for the tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from nats.js.api import ConsumerInfo, SequenceInfo

from services.intake.admission import log_tail
from services.intake.admission.candidate import Candidate, Posted
from services.intake.admission.digest import digests_of
from services.intake.admission.history import History
from services.intake.admission.log_tail import Entry, LogTail
from services.intake.admission.messages import receipt
from shared.access.caller import Caller
from shared.contracts.period import Period
from shared.contracts.submission import Submission
from shared.nats.publishing import BrokerUnavailableError
from shared.reference.load import load
from shared.service.runtime import Runtime
from tests.builders import DIEM_HE, a_posted_submission, an_accepted_submission

REFERENCE = load()
JUNE = Period.parse("2023-06")


class Broker:
    """A broker that says, whenever it is asked, that the tables have come to the next of these messages."""

    def __init__(self, *floors: int) -> None:
        self._floors = iter(floors)
        self._floor = 0

    def jetstream(self) -> Broker:
        return self

    async def consumer_info(self, _stream: str, _consumer: str) -> ConsumerInfo:
        self._floor = next(self._floors, self._floor)
        floor = SequenceInfo(consumer_seq=self._floor, stream_seq=self._floor)
        return cast(ConsumerInfo, type("Info", (), {"ack_floor": floor}))


class Running:
    """What of a running service the tail uses."""

    reference = REFERENCE

    def __init__(self, broker: Broker) -> None:
        self.nats = broker


def a_tail(*floors: int) -> LogTail:
    return LogTail(cast(Runtime, Running(Broker(*floors))))


def a_candidate(**changes: Any) -> Candidate:
    submission = Submission.model_validate(a_posted_submission(**changes))
    unit = REFERENCE.units.find(DIEM_HE, submission.period.end)
    assert unit
    digests = digests_of(submission)
    return Candidate(UUID(int=99), {}, Posted(Caller("a", ("20",), ("*",), "k")), submission, unit, None, *digests)


CANDIDATE = a_candidate()
UNIT = CANDIDATE.unit.key


def filled(tail: LogTail, *numbers: int) -> Iterator[Entry]:
    """Add a submission for each number: it is its place in the log, its id, and its figure and revision."""
    place = tail.place_of(CANDIDATE)
    for number in numbers:
        readings = {"households": 1000 + number}
        submission = an_accepted_submission(id=UUID(int=number), readings=readings, revision=number)
        entry = Entry(number, place.subject, UNIT, submission)
        tail.add(entry)
        yield entry


def forget_the_time(tail: LogTail) -> None:
    """Have the tail ask anew at the next refresh."""
    tail._asked = None


def households(history: History) -> Decimal | None:
    stands = history.standing.at(UNIT, "households", JUNE)
    return stands.value if stands else None


def test_of_several_submissions_beyond_the_tables_the_highest_revision_stands_and_the_last_is_expected() -> None:
    tail = a_tail()
    entries = [*filled(tail, 2, 3, 1)]
    history = History()
    expected = tail.complete(history, [CANDIDATE], [tail.place_of(CANDIDATE)])
    assert households(history) == 1003
    assert expected == {entries[0].subject: 1}
    assert tail.ids([CANDIDATE]) == [UUID(int=2), UUID(int=3), UUID(int=1)]


def test_what_the_tables_have_counts_by_the_tables_alone() -> None:
    """They know also that it was withdrawn."""
    tail = a_tail()
    list(filled(tail, 1, 2, 3))
    history = History(stored=frozenset([UUID(int=3)]))
    tail.complete(history, [CANDIDATE], [tail.place_of(CANDIDATE)])
    assert households(history) == 1002
    assert tail.ids([CANDIDATE]) == [UUID(int=1), UUID(int=2)]


def test_a_repeated_submission_beyond_the_tables_has_its_receipt() -> None:
    tail = a_tail()
    (entry,) = filled(tail, 7)
    again = replace(CANDIDATE, id=UUID(int=7))
    history = History()
    tail.complete(history, [again], [tail.place_of(again)])
    assert history.receipts == {UUID(int=7): receipt(entry.submission)}


async def test_what_the_tables_have_reached_is_forgotten() -> None:
    tail = a_tail(2)
    list(filled(tail, 1, 2, 3))
    await tail.refresh()
    assert tail.ids([CANDIDATE]) == [UUID(int=3)]
    history = History()
    tail.complete(history, [CANDIDATE], [tail.place_of(CANDIDATE)])
    assert households(history) == 1003


@pytest.mark.parametrize("numbers", [(10, 5), (5, 10, 6), (6, 10, 5, 9), (10, 9, 8, 5)])
@pytest.mark.parametrize("comes_again", [True, False])
async def test_submissions_read_in_another_order_than_the_log_s_are_forgotten_too(
    numbers: tuple[int, ...], comes_again: bool
) -> None:
    """A commune's older submission may be read after another's newer one, by a process that got no answer before."""
    tail = a_tail(7, 12, 20)
    communes = [a_candidate(unit=code) for code in (DIEM_HE, "06283")]
    units = [REFERENCE.units.find(one.submission.unit, JUNE.end) for one in communes]
    candidates = [replace(one, unit=unit) for one, unit in zip(communes, units, strict=True) if unit]

    def add(number: int) -> None:
        candidate = candidates[number % 2]
        submission = an_accepted_submission(id=UUID(int=number), unit=candidate.submission.unit, revision=number)
        tail.add(Entry(number, tail.place_of(candidate).subject, candidate.unit.key, submission))

    for number in numbers:
        add(number)
    for reached, newer in ((7, 11), (12, 13)):
        forget_the_time(tail)
        await tail.refresh()
        assert {one.int for one in tail.ids(candidates)} == {one for one in numbers if one > reached}
        if comes_again:
            add(newer)
            numbers = (*numbers, newer)
    forget_the_time(tail)
    await tail.refresh()
    assert tail.ids(candidates) == []


async def test_a_full_tail_waits_as_long_as_the_tables_come_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "TAIL_LIMIT", 1)
    monkeypatch.setattr(log_tail, "_PATIENCE_SECONDS", 0)  # any question without progress is one too many
    slow = a_tail(1, 2, 3, 4)
    list(filled(slow, 1, 2, 3, 4, 5))
    await slow.refresh()
    assert slow.ids([CANDIDATE]) == [UUID(int=5)]
    stuck = a_tail(1, 2)
    list(filled(stuck, 1, 2, 3, 4, 5))
    with pytest.raises(BrokerUnavailableError):
        await stuck.refresh()
