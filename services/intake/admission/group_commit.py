"""Group commit: submissions that arrive together are compared with the standing figures, and published, together.

Requests that arrive while a group is on its way to disk form the next group, with those that are at the door by then.
So grouping adds no waiting of its own: one look into the database and one write to disk serve a group of one submission
or of a thousand. A group is screened together too: code that runs once for each of many takes less of the processor
than where it takes turns with the rest of a request.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter, Gauge
from pydantic import ValidationError

from services.intake import rules
from services.intake.admission.candidate import Candidate, Checked, Refused, Ruling
from services.intake.admission.decide import Decision, Decisions
from services.intake.admission.history_reader import DATABASE_AWAY, HistoryReader
from services.intake.admission.kept_message import first_published
from services.intake.admission.log_tail import Entry, LogTail
from services.intake.admission.messages import REQUEST_DIGEST_HEADER, claim, messages_of, receipt, refusal_of
from services.intake.rules.standing_figures import StandingFigures
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission, Receipt, Review
from shared.nats.cloud_events import Message
from shared.nats.direct_get import last_sequences, messages_after
from shared.nats.publishing import (
    BATCH_LIMIT,
    EXPECTED_LAST,
    EXPECTED_LAST_OF,
    BrokerUnavailableError,
    OvertakenError,
    Stored,
    publish,
    publish_as_expected,
)
from shared.problems import Problem, Problems
from shared.reference.load import Reference
from shared.service.runtime import Runtime
from shared.service.unavailable import unavailable

log = structlog.get_logger()

ACCEPTED = Counter("ntm_submissions_accepted", "Submissions accepted")
REFUSED = Counter("ntm_submissions_refused", "Submissions refused", ["code"])
OVERTAKEN = Counter("ntm_submissions_overtaken", "Groups decided again, since another process wrote first")
WAITING = Gauge("ntm_submissions_waiting", "Submissions that wait at the desk")

WAITING_LIMIT = 8 * BATCH_LIMIT
"""The most submissions that wait; requests beyond that are asked to come again."""

_PASSING = (BrokerUnavailableError, NatsError, JetStreamError, *DATABASE_AWAY)
"""Errors that pass: the broker or the database is away."""

_QUIET_TURNS = 3
"""The turns of the loop without a new request, after which those that wait make a group."""

_ATTEMPTS = 8
_PAUSE_SECONDS = 0.01
"""Of processes that want to write to the same subject at once, each waits another time before it tries again."""

type Outcome = Receipt | Problem


@dataclass(slots=True)
class _Group:
    """The items of one request, and the future for which the request waits."""

    count: int
    """The number of its items."""
    size: int
    """The number of messages that it may lead to."""
    screen: Callable[[], Sequence[Candidate | Refused]]
    """Checks each item by itself."""
    whole: bool = False
    answer: asyncio.Future[list[Outcome]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    items: Sequence[Candidate | Refused] = ()
    """The screened ones, once they are."""
    decisions: list[Decision] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[Candidate | Refused], *, whole: bool = False) -> _Group:
        """Return the group of items that are screened already. A review brings two messages."""
        size = len(items) + sum(isinstance(item, Candidate) and item.ruling is not None for item in items)
        return cls(len(items), size, lambda: items, whole)


class _Published(NamedTuple):
    """A submission that goes out, with its message, and behind it the message of the decision that made it."""

    candidate: Candidate
    signed: AcceptedSubmission
    messages: list[Message]


class GroupCommit:
    """Accepts submissions in groups. There is one in a process; it holds at most `WAITING_LIMIT` submissions."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._groups: deque[_Group] = deque()
        self._waiting = 0
        self._woken = asyncio.Event()
        self._answered = asyncio.Event()
        self._comparing = HistoryReader(runtime)
        """The reader of `compare`. It keeps its connection: to open one takes longer than to read a workbook."""
        self._one_comparison = asyncio.Lock()
        self._tail = LogTail(runtime)

    async def submit(self, items: Sequence[Candidate | Refused], *, whole: bool = False) -> list[Outcome]:
        """Accept up to 1,000 items of one request; return a receipt or a problem for each, in order.

        With `whole` all of them are accepted, or none. Problem 429 when too many wait already, 503 when the broker or
        the database does not answer: then intake may or may not have accepted the items, and repeating is safe.
        """
        return await self._join(_Group.of(items, whole=whole))

    async def submit_unscreened(self, count: int, screen: Callable[[], Sequence[Candidate | Refused]]) -> list[Outcome]:
        """Do what `submit` does for so many items, which are screened with their group."""
        return await self._join(_Group(count, count, screen))

    async def _join(self, group: _Group) -> list[Outcome]:
        self.check_open()
        if self._waiting and self._waiting + group.count > WAITING_LIMIT:
            raise Problem(Problems.BUSY, headers={"Retry-After": "1"})
        self._groups.append(group)
        self._count(group.count)
        self._woken.set()
        return await group.answer

    def check_open(self) -> None:
        """Raise problem 503 while there is no connection to the broker."""
        if not self._runtime.nats.is_connected:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})

    async def submit_patiently(self, items: Sequence[Candidate | Refused]) -> list[Outcome]:
        """Submit items of a long stream: wait until there is room, and leave half of the room to other requests."""
        while self._waiting and self._waiting + len(items) > WAITING_LIMIT // 2:
            self._answered.clear()
            await self._answered.wait()
        return await self.submit(items)

    async def compare(self, candidates: Sequence[Candidate]) -> list[Checked]:
        """Compare candidates with the standing figures, and accept nothing."""
        async with self._one_comparison:
            standing = (await self._comparing.read(candidates)).standing
        return [_checked(candidate, standing, self._runtime.reference) for candidate in candidates]

    async def run(self) -> None:
        """Work until cancelled."""
        reader = HistoryReader(self._runtime)
        try:
            while True:
                groups = await self._next()
                try:
                    await self._commit(list(_screened(groups)), reader)
                except Exception as error:  # noqa: BLE001 - the worker goes on, whatever one group did
                    if isinstance(error, _PASSING):  # the groups behind would wait as long for the same error
                        groups += self._groups
                        self._groups.clear()
                    _fail(groups, error)
                finally:
                    self._count(-sum(group.count for group in groups))
                    self._answered.set()
        finally:
            await reader.close()
            await self._comparing.close()

    async def _next(self) -> list[_Group]:
        while not self._groups:
            self._woken.clear()
            await self._woken.wait()
        await self._let_in()
        return self._take()

    async def _let_in(self) -> None:
        """Let the requests that are at the door come along: until none has come for some turns of the loop.

        To check them takes this process's time anyway, while the database and the broker take almost as long for a few
        submissions as for many.
        """
        there, quiet = len(self._groups), 0
        while quiet < _QUIET_TURNS and self._waiting < BATCH_LIMIT:
            await asyncio.sleep(0)
            has_come, there = len(self._groups) > there, len(self._groups)
            quiet = 0 if has_come else quiet + 1

    def _take(self) -> list[_Group]:
        groups: list[_Group] = []
        size = 0
        while self._groups and (not groups or size + self._groups[0].size <= BATCH_LIMIT):
            groups.append(self._groups.popleft())
            size += groups[-1].size
        return groups

    def _count(self, change: int) -> None:
        self._waiting += change
        WAITING.set(self._waiting)

    async def _commit(self, groups: Sequence[_Group], reader: HistoryReader) -> None:
        """Decide about the groups' items, publish all that is taken together, and answer each request."""
        decisions, published, stored = await self._take_in(groups, reader)
        refusals: list[Message] = []
        for group in groups:
            for item, decision in zip(group.items, group.decisions, strict=True):
                if isinstance(decision, Problem):
                    refusal_id, message = refusal_of(Refused(item.item, item.posted, decision), decisions.now)
                    decision.instance = f"/v1/submissions/{refusal_id}"
                    refusals.append(message)
        await publish(self._runtime.nats, refusals)
        answers = await self._answers(published, stored)
        for group in groups:
            _answer(group, answers)

    async def _take_in(
        self, groups: Sequence[_Group], reader: HistoryReader
    ) -> tuple[Decisions, list[_Published], Sequence[Stored]]:
        """Decide about the groups' items and publish what is taken.

        Where another process was faster on one of the subjects, look at what it has published, and decide again.
        """
        runtime, tail = self._runtime, self._tail
        candidates = [item for group in groups for item in group.items if isinstance(item, Candidate)]
        places = {tail.place_of(candidate) for candidate in candidates}
        rulings = [candidate.ruling for candidate in candidates if candidate.ruling]
        claimed: list[Message] = []
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(random.random() * attempt * _PAUSE_SECONDS)  # noqa: S311 - no secret
                await tail.look(places, closely=attempt > 1, everywhere=bool(claimed))
            await tail.refresh()
            around = await tail.look_around(candidates)
            units = {unit for place in places for unit in place.units}
            history = await reader.read(candidates, tail.ids(candidates), units)
            if unknown := tail.unknown(history, places):
                await tail.look(unknown)
            expected = tail.complete(history, candidates, places)
            if attempt > 1:
                await self._leave_out_lost(expected)
            known = set(history.requests)
            reviewed = await self._reviewed_since(rulings, expected)
            decisions = Decisions(history, runtime.reference, runtime.clock.now(), reviewed)
            for group in groups:
                group.decisions = decisions.decide(group.items, whole=group.whole)
            published = [
                _Published(candidate, signed, messages_of(signed, candidate))
                for candidate, signed in decisions.taken.values()
            ]
            messages = [message for one in published for message in one.messages]
            if not messages:
                return decisions, [], []
            _expect(messages, expected)
            self._expect_around(published, around)
            claimed = _claim(published, known)
            try:
                stored = await publish_as_expected(runtime.nats, messages)
            except OvertakenError:
                OVERTAKEN.inc()
                continue
            if claimed and stored[0].duplicate:  # as a single message has it: another has used the key
                continue
            self._remember(published, stored)
            return decisions, published, stored
        if claimed or rulings:  # one message after the other might be accepted in part
            raise BrokerUnavailableError("others are always faster")
        # the stream knows a message by its id that neither it nor the tables show, or others are always faster
        return decisions, published, await publish(runtime.nats, messages)

    async def _leave_out_lost(self, expected: dict[str, int]) -> None:
        """Expect the last message that the stream has, where the tables know of a later one that it has lost.

        The stream was asked after the tables, and refuses the group where a server answered that lags behind.
        """
        lasts = await last_sequences(self._runtime.nats, subjects.SUBMISSIONS_STREAM, expected)
        for subject, number in expected.items():
            expected[subject] = min(number, lasts.get(subject, 0))

    def _expect_around(self, published: Iterable[_Published], around: dict[str, int]) -> None:
        """Have the first message that the other level matters to say which is the last message in its district."""
        for candidate, _, messages in published:
            family = self._tail.family_of(candidate)
            if family is not None and family in around:
                messages[0].headers.update({EXPECTED_LAST: str(around.pop(family)), EXPECTED_LAST_OF: family})

    async def _reviewed_since(self, rulings: Collection[Ruling], expected: dict[str, int]) -> set[UUID]:
        """Return the submissions that were reviewed otherwise since these decisions were made.

        The decisions' messages are then expected to follow the last review of their communes.
        """
        overtaken: set[UUID] = set()
        for ruling in rulings:
            subject = subjects.review(ruling.district, ruling.review.unit)
            expected[subject] = max(expected.get(subject, 0), ruling.after)
            others = messages_after(self._runtime.nats, subjects.SUBMISSIONS_STREAM, subject, ruling.after)
            async for message in others:
                expected[subject] = max(expected[subject], message.sequence)
                if self._runtime.proof.fault_of_direct(subjects.SUBMISSIONS_STREAM, message):
                    continue
                try:
                    other = Review.model_validate_json(message.data)
                except ValidationError:  # it decides nothing: every service parks it
                    continue
                if other.submission == ruling.review.submission and other.id != ruling.review.id:
                    overtaken.add(other.submission)
        return overtaken

    def _remember(self, published: Sequence[_Published], stored: Sequence[Stored]) -> None:
        position = 0
        for candidate, signed, messages in published:
            place = stored[position]
            position += len(messages)
            if not place.duplicate:
                digest = messages[0].headers.get(REQUEST_DIGEST_HEADER)
                unit, request = candidate.unit.key, candidate.posted.request
                self._tail.add(Entry(place.sequence, messages[0].subject, unit, signed, request, digest))

    async def _answers(self, published: Iterable[_Published], stored: Sequence[Stored]) -> dict[UUID, Outcome]:
        """Return the answers for published submissions; those that the stream had already get their first receipts."""
        answers: dict[UUID, Outcome] = {}
        position = 0
        for candidate, signed, messages in published:
            place = stored[position]
            position += len(messages)
            if not place.duplicate:
                ACCEPTED.inc()
                answers[signed.id] = receipt(signed)
                continue
            try:
                original = await first_published(self._runtime, subjects.SUBMISSIONS_STREAM, place, messages[0])
            except Problem as problem:
                answers[signed.id] = problem
                continue
            try:
                first = AcceptedSubmission.model_validate_json(original.data or b"")
            except ValidationError:  # something else stands in the log under this id
                answers[signed.id] = Problem(Problems.KEY_USED)
                continue
            used_for = (original.headers or {}).get(REQUEST_DIGEST_HEADER)
            same = candidate.has_digest(first.digest) and used_for == messages[0].headers.get(REQUEST_DIGEST_HEADER)
            answers[signed.id] = receipt(first) if same else Problem(Problems.KEY_USED)
        return answers


def _screened(groups: Iterable[_Group]) -> Iterator[_Group]:
    """Screen the items of each group, and yield it; one that cannot be screened fails alone."""
    for group in groups:
        try:
            group.items = group.screen()
        except Exception as error:  # noqa: BLE001 - the worker goes on, and so do the other groups
            _fail([group], error)
        else:
            yield group


def _claim(published: Iterable[_Published], known: Collection[tuple[str, str]]) -> list[Message]:
    """Let the first message of each request whose `Idempotency-Key` is not known go out under an id of the key.

    The stream takes one message of an id, so of two requests that use a key at once only one is published; the other
    finds it and is compared with it. Returns these messages.
    """
    claimed: dict[tuple[str, str], Message] = {}
    for candidate, _, messages in published:
        posted = candidate.posted
        if posted.request is None or posted.request_digest is None:
            continue
        request = posted.caller.agency, posted.request
        if request not in known and request not in claimed:
            claim(messages[0], *request)
            claimed[request] = messages[0]
    return list(claimed.values())


def _expect(messages: Iterable[Message], expected: Mapping[str, int]) -> None:
    """Have the first message on each subject say which message it expects to be the last one there."""
    seen: set[str] = set()
    for message in messages:
        if message.subject not in seen and message.subject in expected:
            message.headers[EXPECTED_LAST] = str(expected[message.subject])
        seen.add(message.subject)


def _checked(candidate: Candidate, standing: StandingFigures, reference: Reference) -> Checked:
    remarks = rules.compare(candidate.submission, candidate.unit, standing, reference)
    unit, period = candidate.unit.key, candidate.submission.period
    before = {
        element: reading
        for element in candidate.submission.readings
        if (reading := standing.at(unit, element, period) or standing.before(unit, element, period))
    }
    return Checked(candidate, remarks.faults, remarks.warnings, before)


def _answer(group: _Group, answers: dict[UUID, Outcome]) -> None:
    """Answer a request. In a request that is accepted whole or not at all, one problem refuses every item."""
    problem = next((decision for decision in group.decisions if isinstance(decision, Problem)), None)
    if group.whole and problem is not None:
        outcomes: list[Outcome] = [
            decision if isinstance(decision, Problem) else problem for decision in group.decisions
        ]
    else:
        outcomes = [
            answers[decision.id] if isinstance(decision, AcceptedSubmission) else decision
            for decision in group.decisions
        ]
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            REFUSED.labels(outcome.kind.code).inc()
    if not group.answer.done():
        group.answer.set_result(outcomes)


def _fail(groups: Iterable[_Group], error: Exception) -> None:
    passes = isinstance(error, _PASSING)
    if passes:
        log.warning("not accepted", error=str(error) or type(error).__name__)
    else:
        log.error("group failed", exc_info=error)
    for group in groups:
        if not group.answer.done():
            group.answer.set_exception(unavailable(error) if passes else error)
