"""The tail of the log: the submissions that stand on the stream and that the tables may not have yet.

Submissions are compared with everything that stands on their commune's subject. The tables follow the stream by some
hundredths of a second, so this process remembers what it has published since, and reads what other processes have. A
message goes out with the number of the last message on its subject, by what is known here; where the broker knows a
newer one it refuses the message, and the submission is decided about again. No two processes can both accept figures
that contradict each other, and nothing is written before the message itself.

What a district counts as well as its communes is compared with the figures of the other level, which stand on other
subjects. Such a message goes out with the number of the last message in the whole district.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError

from services.intake.admission.candidate import Candidate
from services.intake.admission.history import History
from services.intake.admission.messages import REQUEST_DIGEST_HEADER, REQUEST_HEADER, receipt
from services.intake.rules.standing_figures import Figures, StandingReading, higher_ranked, standing_figures
from shared.contracts import subjects
from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission
from shared.nats.consumers import acknowledged_until
from shared.nats.direct_get import DirectMessage, last_sequences, messages_after
from shared.nats.publishing import BrokerUnavailableError
from shared.reference.models import Unit
from shared.reference.units import Units
from shared.service.runtime import Runtime

_FRESH_SECONDS = 1.0
"""The age from which the place that the tables have reached is asked for again."""

TAIL_LIMIT = 4_000
"""The most submissions that may wait for the tables; then new ones wait until the tables have come nearer."""

_PATIENCE_SECONDS = 5.0
"""The longest wait in which the tables come no nearer."""

_PAUSE_SECONDS = 0.02
"""The time between two questions how near they are."""


class Place(NamedTuple):
    """The subject of a unit's submissions, and the keys of all units whose submissions stand on it."""

    subject: str
    units: frozenset[int]


class Entry(NamedTuple):
    """A submission of the tail: its number and subject, its unit, its request's `Idempotency-Key` and digest."""

    sequence: int
    subject: str
    unit: int
    submission: AcceptedSubmission
    request: str | None = None
    request_digest: str | None = None


@dataclass(slots=True)
class _Reports:
    """The submissions for one unit and period, and their figures once somebody has asked."""

    entries: list[Entry] = field(default_factory=list)
    _figures: dict[str, StandingReading] | None = None

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._figures = None

    def remove(self, entry: Entry) -> None:
        self.entries.remove(entry)
        self._figures = None

    @property
    def figures(self) -> Figures:
        """The figures that stand by these submissions."""
        if self._figures is None:
            self._figures = {}
            for entry in self.entries:
                submission = entry.submission
                for element, figure in standing_figures(submission, submission.id, submission.agency).items():
                    self._figures[element] = higher_ranked(self._figures.get(element), figure)
        return self._figures


@dataclass(slots=True)
class _Chain:
    """All messages on a subject behind the last one that the tables had: the last number, and the submissions."""

    last: int = 0
    reports: defaultdict[tuple[int, Period], _Reports] = field(default_factory=lambda: defaultdict(_Reports))
    """By unit and period."""


class LogTail:
    """The part of the log that the tables lack, for one worker that decides about one group after the other."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._chains: dict[str, _Chain] = {}
        self._entries: dict[UUID, Entry] = {}
        """The submissions of all chains."""
        self._places: dict[int, Place] = {}
        self._reached = 0
        """The tables have every message up to this one, and may have newer ones."""
        self._asked: float | None = None
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

    def family_of(self, candidate: Candidate) -> str | None:
        """Return the subjects of a candidate's district where another level counts one of its elements as well."""
        reference, readings = self._runtime.reference, candidate.submission.readings
        if not reference.has_counted_at_levels(readings) or not reference.units.at_other_level(candidate.unit):
            return None
        return f"{self.place_of(candidate).subject.rpartition('.')[0]}.>"

    async def refresh(self) -> None:
        """Ask from time to time how far the tables are, and forget what they have.

        Must come before the tables are read. BrokerUnavailableError when they come no nearer while too much waits for
        them.
        """
        loop = asyncio.get_running_loop()
        if self._asked is not None and loop.time() - self._asked < _FRESH_SECONDS and not self._is_full:
            return
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            before = self._reached
            await self._ask()
            if not self._is_full:
                return
            if self._reached > before:
                deadline = loop.time() + _PATIENCE_SECONDS
            elif loop.time() > deadline:
                raise BrokerUnavailableError("the tables do not follow the stream")
            await asyncio.sleep(_PAUSE_SECONDS)

    def ids(self, candidates: Iterable[Candidate]) -> list[UUID]:
        """Return the submissions for the units and periods of the candidates that the tables may lack.

        Those that the tables have are left to them: they know also which of them were withdrawn.
        """
        if not self._entries:
            return []
        wanted = {(candidate.unit.key, candidate.submission.period): candidate for candidate in candidates}
        own = [
            entry.submission.id
            for place, candidate in wanted.items()
            if (chain := self._chains.get(self.place_of(candidate).subject)) and (reports := chain.reports.get(place))
            for entry in reports.entries
        ]
        around = self._in_families(wanted.values())
        return own + [entry.submission.id for _, reports in around for entry in reports.entries]

    def _in_families(self, candidates: Iterable[Candidate]) -> Iterator[tuple[tuple[int, Period], _Reports]]:
        """Yield what stands at the other level for the candidates' periods, by unit and period."""
        wanted = {(family, one.submission.period) for one in candidates if (family := self.family_of(one))}
        for subject, chain in self._chains.items() if wanted else ():
            for (unit, period), reports in chain.reports.items():
                if any(period == asked and subjects.is_in(subject, family) for family, asked in wanted):
                    yield (unit, period), reports

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
        `everywhere`: read all places, for the requests whose submissions stand elsewhere.
        """
        wanted = {place.subject for place in places}
        family = next(iter(wanted)) if len(wanted) == 1 and not everywhere else subjects.ALL_SUBMISSIONS
        stream = subjects.SUBMISSIONS_STREAM
        behind = messages_after(self._runtime.nats, stream, family, self._reached)
        found = [(one, self._entry(one)) async for one in behind if everywhere or one.subject in wanted]
        lasts = await last_sequences(self._runtime.nats, stream, wanted) if closely else {}
        self._renew(wanted.union(self._chains) if everywhere else wanted, found, lasts)

    async def look_around(self, candidates: Iterable[Candidate]) -> dict[str, int]:
        """Read from the stream what stands beyond the tables in the districts whose other level matters to candidates.

        Returns, by family of subjects, the number of the last message that was there before.
        """
        nats, stream, lasts = self._runtime.nats, subjects.SUBMISSIONS_STREAM, {}
        for family in {family for candidate in candidates if (family := self.family_of(candidate))}:
            by_subject = await last_sequences(nats, stream, [family])
            lasts[family] = max(by_subject.values(), default=0)
            behind = messages_after(nats, stream, family, self._reached)
            found = [(one, self._entry(one)) async for one in behind]
            self._renew({subject for subject in self._chains if subjects.is_in(subject, family)}, found, {})
        return lasts

    def _renew(
        self,
        again: Collection[str],
        found: Iterable[tuple[DirectMessage, Entry | None]],
        lasts: Mapping[str, int],
    ) -> None:
        """Put what was found on the stream in the place of what was known on these subjects."""
        self._forget([entry for entry in self._entries.values() if entry.subject in again])
        for subject in again:
            self._chains.pop(subject, None)
        for message, entry in found:
            if entry:
                self.add(entry)
            else:
                self._chains.setdefault(message.subject, _Chain()).last = message.sequence
        for subject, last in lasts.items():
            chain = self._chains.setdefault(subject, _Chain())
            chain.last = max(chain.last, last)

    def _entry(self, message: DirectMessage) -> Entry | None:
        """Return the submission of a message; None where it is not proved or cannot be read.

        Every service parks such a message.
        """
        if self._runtime.proof.fault_of_direct(subjects.SUBMISSIONS_STREAM, message):
            return None
        try:
            submission = AcceptedSubmission.model_validate_json(message.data)
            unit = self._unit_of(submission)
        except (ValidationError, LookupError):
            return None
        headers = message.headers
        request, digest = headers.get(REQUEST_HEADER), headers.get(REQUEST_DIGEST_HEADER)
        return Entry(message.sequence, message.subject, unit, submission, request, digest)

    def complete(self, history: History, candidates: Iterable[Candidate], places: Iterable[Place]) -> dict[str, int]:
        """Add the tail's figures and receipts to the history, and forget those that it has from the tables.

        Returns, by subject, the number of the last message that the history takes into account.
        """
        self._forget([entry for submission in history.stored if (entry := self._entries.get(submission))])
        for candidate in candidates:
            if entry := self._entries.get(candidate.id):
                history.receipts[candidate.id] = receipt(entry.submission)
                if entry.request_digest is not None:
                    history.requests_of[candidate.id] = entry.request_digest
            request = candidate.posted.caller.agency, candidate.posted.request or ""
            if (noted := self._requests.get(request)) is not None:
                history.requests[request] = noted[1]
        expected: dict[str, int] = {}
        for place in places:
            chain = self._chains.get(place.subject)
            expected[place.subject] = max(_last(history, place), chain.last if chain else 0)
            if chain:
                for (unit, period), reports in chain.reports.items():
                    history.standing.merge(unit, period, reports.figures)
        for (unit, period), reports in self._in_families(candidates):
            history.standing.merge(unit, period, reports.figures)
        return expected

    def _unit_of(self, submission: AcceptedSubmission) -> int:
        if submission.unit_key is not None:
            return submission.unit_key
        unit = self._runtime.reference.units.find(submission.unit, submission.period.end)
        if unit is None:
            raise KeyError(f"unit {submission.unit} in {submission.period}")
        return unit.key

    def add(self, entry: Entry) -> None:
        """Remember a submission that stands behind everything that is known on its subject."""
        chain = self._chains.setdefault(entry.subject, _Chain())
        chain.last = entry.sequence
        if entry.submission.id not in self._entries:
            chain.reports[entry.unit, entry.submission.period].add(entry)
            self._entries[entry.submission.id] = entry
        self._note_request(entry)

    def _forget(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            del self._entries[entry.submission.id]
            reports = self._chains[entry.subject].reports
            place = entry.unit, entry.submission.period
            reports[place].remove(entry)
            if not reports[place].entries:
                del reports[place]

    def _note_request(self, entry: Entry) -> None:
        if entry.request is not None and entry.request_digest is not None:
            self._requests[entry.submission.agency, entry.request] = entry.sequence, entry.request_digest

    @property
    def _is_full(self) -> bool:
        return len(self._entries) > TAIL_LIMIT

    async def _ask(self) -> None:
        js = self._runtime.nats.jetstream()
        projected = await acknowledged_until(js, subjects.SUBMISSIONS_STREAM, subjects.INTAKE_CONSUMER)
        self._reached = projected or 0
        self._asked = asyncio.get_running_loop().time()
        self._requests = {name: noted for name, noted in self._requests.items() if noted[0] > self._reached}
        # all are looked at: what was read from the stream after a failure stands behind newer ones
        self._forget([entry for entry in self._entries.values() if entry.sequence <= self._reached])
        self._chains = {
            subject: chain for subject, chain in self._chains.items() if chain.last > self._reached or chain.reports
        }


def _subject(unit: Unit, units: Units) -> str:
    district = units.district(unit)
    return subjects.submission(district.code if district else None, unit.code)


def _last(history: History, place: Place) -> int:
    return max((history.last.get(unit, 0) for unit in place.units), default=0)
