"""The submissions of the stream, read from its beginning on for a rebuild."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.storage.submissions import known_among, parked_submissions
from services.scoring.storage.taken_back import taken_back_ids
from services.scoring.update.arrivals import Arrival, arrival_of, submission_row, unit_of
from services.scoring.update.take_back import TakingBack, taken_back_row, taking_back_of
from shared.contracts import subjects
from shared.nats.consumers import acknowledged_until
from shared.nats.stream_reader import read_stream
from shared.reference.load import Reference
from shared.service.proof import Proof

_UNREADABLE = (ValueError, LookupError, ArithmeticError)


class StreamArrivals:
    """Reads the stream's submissions in order, each once; parked ones and those that are not proved are left out."""

    def __init__(self, live: AsyncEngine, nats: Client, proof: Proof, reference: Reference) -> None:
        self._live, self._nats, self._proof, self._reference = live, nats, proof, reference
        self._sequence = 0
        """The number in the stream of the last submission that was read."""
        self._scored_until = 0
        """The number of the last submission of which a published change proves that it was scored."""
        self._taken_until: datetime | None = None
        """When the last change was stored that proves what was scored."""
        self._left_out: list[Msg] = []
        """The parked submissions, which an operator may have scored after all by now."""
        self._unreadable: dict[int, str] = {}

    @property
    def unreadable(self) -> list[str]:
        """The messages that cannot be read and are not parked: a service parks them when they come."""
        return [f"{number} {subject}" for number, subject in sorted(self._unreadable.items())]

    async def count_as_scored(self, submissions: Container[UUID], until: datetime | None) -> None:
        """Count what caused changes that were published as scored, although its consumer was set back.

        These are the submissions up to the last of `submissions`, and what was taken back by `until`.
        """
        self._taken_until = until
        if until is None or (end := await self._acknowledged_until()) is None:
            return
        stream, subject = subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS
        async for batch in read_stream(self._nats, stream, subject, end):
            for message in self._proof.proved(batch):
                arrival = self._readable(message)
                if arrival and arrival.submission.id in submissions:
                    self._scored_until = _sequence(message)

    async def acknowledged(self) -> AsyncIterator[list[Arrival]]:
        """Yield the submissions that were not read yet, up to the last one that live workers have acknowledged.

        All of them where no worker ever asked for any.
        """
        end = await self._acknowledged_until()
        async for arrivals, last in self._batches():
            if taken := [arrival for sequence, arrival in arrivals.items() if end is None or sequence <= end]:
                yield taken
            if end is not None and last > end:
                self._sequence = end
                return

    async def scored(self, live: AsyncConnection) -> AsyncIterator[list[Arrival]]:
        """Yield the submissions that were not read yet and that the live state has scored.

        Workers may have scored some that they have not acknowledged yet.
        """
        end = await self._acknowledged_until()
        async for arrivals, _ in self._batches():
            known = await known_among(live, [arrival.submission.id for arrival in arrivals.values()])
            if taken := [
                arrival
                for sequence, arrival in arrivals.items()
                if end is None or sequence <= end or arrival.submission.id in known
            ]:
                yield taken
        parked = {arrival.submission.id: arrival for arrival in map(self._readable, self._left_out) if arrival}
        if replayed := await known_among(live, list(parked)):
            yield [parked[key] for key in replayed]

    async def taken_back(self, live: AsyncConnection | None = None) -> list[TakingBack]:
        """Return the withdrawals and returns that live workers have acknowledged, and those that the live state has."""
        taken: list[TakingBack] = []
        async with self._live.connect() as connection:
            parked = await parked_submissions(connection)
        for family in (subjects.ALL_REVIEWS, subjects.ALL_WITHDRAWALS):
            end = await self._acknowledged_until(subjects.CONSUMERS["scoring"][family])
            async for batch in read_stream(self._nats, subjects.SUBMISSIONS_STREAM, family):
                takings = dict(self._taking_back(self._proof.proved(batch), parked))
                proved_until = max(map(_sequence, self._stored_by(batch)), default=0)
                known = await taken_back_ids(live, [taking.id for taking in takings.values()]) if live else set()
                taken += [
                    taking
                    for sequence, taking in takings.items()
                    if taking.id in known
                    or (sequence not in parked and (end is None or sequence <= max(end, proved_until)))
                ]
        return taken

    def _stored_by(self, messages: Iterable[Msg]) -> list[Msg]:
        """Return the messages that were on the stream when the last change was stored that proves what was scored."""
        until = self._taken_until
        return [message for message in messages if until and message.metadata.timestamp <= until]

    async def _batches(self) -> AsyncIterator[tuple[dict[int, Arrival], int]]:
        """Yield batches of submissions by their number in the stream, each with the last number that was read."""
        async with self._live.connect() as connection:
            parked = await parked_submissions(connection)
        stream, subject = subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS
        async for batch in read_stream(self._nats, stream, subject, self._sequence):
            last = self._sequence = _sequence(batch[-1])
            proved = self._proof.proved(batch)
            taken = [message for message in proved if _sequence(message) not in parked]
            self._left_out += [message for message in proved if _sequence(message) in parked]
            arrivals = {_sequence(message): self._readable(message) for message in taken}
            self._note([message for message in taken if arrivals[_sequence(message)] is None])
            yield {sequence: arrival for sequence, arrival in arrivals.items() if arrival}, last

    def _taking_back(self, messages: Iterable[Msg], parked: Container[int]) -> Iterator[tuple[int, TakingBack]]:
        """Yield the withdrawals and returns by their number in the stream, as far as they can be read."""
        for message in messages:
            try:
                taking = taking_back_of(message.subject, message.data)
                if taking:
                    taken_back_row(taking, unit_of(taking, self._reference).key)
            except _UNREADABLE:
                if _sequence(message) not in parked:
                    self._note([message])
                continue
            if taking:
                yield _sequence(message), taking

    def _readable(self, message: Msg) -> Arrival | None:
        """Return a submission; None where it cannot be read, or names no unit."""
        try:
            arrival = arrival_of(message, traced=False)
            submission_row(arrival, unit_of(arrival.submission, self._reference))
        except _UNREADABLE:
            return None
        return arrival

    def _note(self, messages: Iterable[Msg]) -> None:
        self._unreadable |= {_sequence(message): message.subject for message in messages}

    async def _acknowledged_until(self, consumer: str = subjects.SCORING_CONSUMER) -> int | None:
        """Return the number up to which live workers have acknowledged everything; None: none ever asked."""
        end = await acknowledged_until(self._nats.jetstream(), subjects.SUBMISSIONS_STREAM, consumer)
        return None if end is None else max(end, self._scored_until if consumer == subjects.SCORING_CONSUMER else 0)


def _sequence(message: Msg) -> int:
    return message.metadata.sequence.stream
