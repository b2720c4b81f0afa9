"""The tail of the log: the submissions that stand on the stream and that the tables may not have yet.

Submissions are compared with everything that stands on their commune's subject. The tables follow the stream by some
hundredths of a second, so this process remembers what it has published since, and reads what other processes have. A
message goes out with the number of the last message on its subject, by what is known here; where the broker knows a
newer one it refuses the message, and the submission is decided about again. No two processes can both accept figures
that contradict each other, and nothing is written before the message itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from nats.js.errors import NotFoundError

from services.intake.admission.candidate import Candidate
from services.intake.admission.history import History
from services.intake.admission.messages import REQUEST_DIGEST_HEADER, REQUEST_HEADER, receipt
from services.intake.rules.standing_figures import StandingReading, standing_figures
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.direct_get import last_sequences, messages_after
from shared.nats.publishing import BrokerUnavailableError
from shared.reference.models import Unit
from shared.reference.units import Units
from shared.service.runtime import Runtime

_FRESH_SECONDS = 1.0
"""The age from which the place that the tables have reached is asked for again."""

_LARGE = 1000
"""The size from which the tail is shortened before each group."""

TAIL_LIMIT = 4_000
"""The most submissions that may wait for the tables; then new ones wait until the tables have come nearer."""

_PATIENCE_SECONDS = 5.0


class Place(NamedTuple):
    """The subject of a unit's submissions, and the keys of all units whose submissions stand on it."""

    subject: str
    units: frozenset[int]


@dataclass(slots=True)
class Entry:
    """A submission of the tail, with its request's `Idempotency-Key` and the digest of the request's content."""

    sequence: int
    submission: AcceptedSubmission
    request: str | None = None
    request_digest: str | None = None
    figures: dict[str, StandingReading] | None = None
    """Its figures by element, once somebody has asked."""


@dataclass(slots=True)
class _Chain:
    """All messages on a subject behind the last one that the tables had: the last number, and the submissions."""

    last: int
    entries: list[Entry] = field(default_factory=list)


class LogTail:
    """The part of the log that the tables lack, for one worker that decides about one group after the other."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._chains: dict[str, _Chain] = {}
        self._places: dict[int, Place] = {}
        self._reached = 0
        """The tables have every message up to this one, and may have newer ones."""
        self._asked: float | None = None
        self._size = 0
        self._requests: dict[tuple[str, str], tuple[int, str]] = {}
        """By agency and `Idempotency-Key`: the number of a submission beyond the tables, and its request's digest."""

    def place_of(self, candidate: Candidate) -> Place:
        """Return where a candidate's submission will stand."""
        key = candidate.unit.key
        if key not in self._places:
            units = self._runtime.reference.units
            by_subject = {unit.key: _subject(unit, units) for unit in units.known(candidate.unit.code)}
            subject = by_subject[key]
            sharing = frozenset(other for other, its in by_subject.items() if its == subject)
            self._places[key] = Place(subject, sharing)
        return self._places[key]

    async def refresh(self) -> None:
        """Ask from time to time how far the tables are, and forget what they have.

        Must come before the tables are read. BrokerUnavailableError when they do not come nearer while too much waits
        for them.
        """
        loop = asyncio.get_running_loop()
        is_fresh = self._asked is not None and loop.time() - self._asked < _FRESH_SECONDS
        if is_fresh and self._size < _LARGE:
            return
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            await self._ask()
            if not self._is_full:
                return
            if loop.time() > deadline:
                raise BrokerUnavailableError("the tables do not follow the stream")
            await asyncio.sleep(0.05)

    def ids(self, candidates: Iterable[Candidate]) -> list[UUID]:
        """Return the submissions for the units and periods of the candidates that the tables may lack.

        Those that the tables have are left to them: they know also which of them were withdrawn.
        """
        if not self._size:
            return []
        wanted: dict[str, set[str]] = {}
        for candidate in candidates:
            wanted.setdefault(self.place_of(candidate).subject, set()).add(candidate.submission.period.text)
        return [
            entry.submission.id
            for subject, periods in wanted.items()
            if (chain := self._chains.get(subject))
            for entry in chain.entries
            if entry.submission.period.text in periods
        ]

    def unknown(self, history: History, places: Iterable[Place]) -> list[Place]:
        """Return the places of which the tables may have a newer message and lack an older one.

        Several processes fill them, each batch in a transaction of its own.
        """
        return [
            place
            for place in places
            if (last := _last(history, place)) > self._reached
            and ((chain := self._chains.get(place.subject)) is None or chain.last < last)
        ]

    async def look(self, places: Collection[Place], *, closely: bool = False, everywhere: bool = False) -> None:
        """Read from the stream what stands at the places beyond the tables.

        `closely`: ask also for the last message of each; nobody else knows of one that could not be projected.
        `everywhere`: look also for the requests whose submissions stand elsewhere.
        """
        wanted = {place.subject for place in places}
        family = next(iter(wanted)) if len(wanted) == 1 and not everywhere else subjects.ALL_SUBMISSIONS
        chains = {subject: _Chain(0) for subject in wanted}
        stream = subjects.SUBMISSIONS_STREAM
        async for message in messages_after(self._runtime.nats, stream, family, self._reached):
            chain, request = chains.get(message.subject), message.headers.get(REQUEST_HEADER)
            if chain is None and request is None:
                continue
            digest = message.headers.get(REQUEST_DIGEST_HEADER)
            entry = Entry(message.sequence, AcceptedSubmission.model_validate_json(message.data), request, digest)
            self._note_request(entry)
            if chain is not None:
                chain.entries.append(entry)
                chain.last = message.sequence
        if closely:
            for subject, last in (await last_sequences(self._runtime.nats, stream, wanted)).items():
                chains[subject].last = max(chains[subject].last, last)
        self._chains |= {subject: chain for subject, chain in chains.items() if chain.last}
        for subject in wanted:
            if not chains[subject].last:
                self._chains.pop(subject, None)
        self._count()

    def complete(self, history: History, candidates: Collection[Candidate], places: Iterable[Place]) -> dict[str, int]:
        """Add the tail's figures and receipts to the history, and forget those that it has from the tables.

        Returns, by subject, the number of the last message that the history takes into account.
        """
        expected: dict[str, int] = {}
        by_id = {candidate.id: candidate for candidate in candidates}
        for place in places:
            chain = self._chains.get(place.subject)
            expected[place.subject] = max(_last(history, place), chain.last if chain else 0)
            if chain is None or not chain.entries:
                continue
            lacking = [entry for entry in chain.entries if entry.submission.id not in history.stored]
            self._size -= len(chain.entries) - len(lacking)
            chain.entries = lacking
            for entry in lacking:
                submission, unit = entry.submission, self._unit_of(entry.submission)
                if entry.figures is None:
                    entry.figures = standing_figures(submission, submission.id, submission.agency)
                for element, figure in entry.figures.items():
                    history.standing.put(unit, element, figure)
                if submission.id in by_id:
                    history.receipts[submission.id] = receipt(submission)
        for candidate in candidates:
            request = candidate.posted.caller.agency, candidate.posted.request or ""
            if (noted := self._requests.get(request)) is not None:
                history.requests[request] = noted[1]
        return expected

    def _unit_of(self, submission: AcceptedSubmission) -> int:
        if submission.unit_key is not None:
            return submission.unit_key
        unit = self._runtime.reference.units.find(submission.unit, submission.period.end)
        if unit is None:
            raise KeyError(f"unit {submission.unit} in {submission.period}")
        return unit.key

    def add(self, subject: str, entry: Entry) -> None:
        """Remember a submission that was published behind everything that was known on the subject."""
        chain = self._chains.setdefault(subject, _Chain(entry.sequence))
        chain.entries.append(entry)
        chain.last = entry.sequence
        self._size += 1
        self._note_request(entry)

    def _note_request(self, entry: Entry) -> None:
        if entry.request is not None and entry.request_digest is not None:
            self._requests[entry.submission.agency, entry.request] = entry.sequence, entry.request_digest

    @property
    def _is_full(self) -> bool:
        return self._size > TAIL_LIMIT

    async def _ask(self) -> None:
        try:
            js = self._runtime.nats.jetstream()
            info = await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.INTAKE_CONSUMER)
            self._reached = info.ack_floor.stream_seq if info.ack_floor else 0
        except NotFoundError:
            self._reached = 0  # nothing was projected yet
        self._asked = asyncio.get_running_loop().time()
        self._requests = {name: noted for name, noted in self._requests.items() if noted[0] > self._reached}
        self._chains = {subject: chain for subject, chain in self._chains.items() if chain.last > self._reached}
        for chain in self._chains.values():
            chain.entries = [entry for entry in chain.entries if entry.sequence > self._reached]
        self._count()

    def _count(self) -> None:
        self._size = sum(len(chain.entries) for chain in self._chains.values())


def _subject(unit: Unit, units: Units) -> str:
    district = units.district(unit)
    return subjects.submission(district.code if district else None, unit.code)


def _last(history: History, place: Place) -> int:
    return max((history.last.get(unit, 0) for unit in place.units), default=0)
