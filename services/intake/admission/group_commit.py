"""The desk: submissions that arrive together are compared with what stands together, and published together.

Whoever comes while a group is on its way to disk forms the next one, so grouping adds no waiting of its own: one
look into the database and one write to disk serve a group, be it one submission or a thousand.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter, Gauge

from services.intake import rules
from services.intake.admission.candidate import Candidate, Checked, Refused
from services.intake.admission.decide import Decided, Round
from services.intake.admission.history_reader import DATABASE_AWAY, HistoryReader
from services.intake.admission.messages import REQUEST_DIGEST_HEADER, messages_of, receipt, refusal_of
from services.intake.rules.standing_figures import StandingFigures
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission, Receipt
from shared.nats.cloud_events import Message
from shared.nats.publishing import BATCH_LIMIT, BrokerUnavailableError, Stored, publish
from shared.problems import Problem, Problems
from shared.reference.load import Reference
from shared.service.runtime import Runtime

log = structlog.get_logger()

ACCEPTED = Counter("ntm_submissions_accepted", "Submissions accepted")
REFUSED = Counter("ntm_submissions_refused", "Submissions refused", ["code"])
WAITING = Gauge("ntm_submissions_waiting", "Submissions that wait at the desk")

WAITING_LIMIT = 8 * BATCH_LIMIT
"""Submissions that may wait; who comes when it is full is asked to come again."""

_PASSING = (BrokerUnavailableError, NatsError, JetStreamError, *DATABASE_AWAY)
"""The broker or the database is away."""

_CLERKS = 2
"""Groups on their way at once: one is looked up while the other is written to disk."""

type Outcome = Receipt | Problem


@dataclass(slots=True)
class _Group:
    """What one request brought, and where its answer is awaited."""

    items: Sequence[Candidate | Refused]
    whole: bool
    answer: asyncio.Future[list[Outcome]]
    decided: list[Decided] = field(default_factory=list)


class GroupCommit:
    """One per process. Bounded: it holds `WAITING_LIMIT` submissions and no more."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._groups: deque[_Group] = deque()
        self._waiting = 0
        self._woken = asyncio.Event()
        self._left = asyncio.Event()
        self._archive = HistoryReader(runtime.engine, runtime.reference)
        """For who only looks; to open a connection for each takes longer than to read a workbook."""
        self._looking = asyncio.Lock()

    async def settle(self, items: Sequence[Candidate | Refused], *, whole: bool = False) -> list[Outcome]:
        """Take up to 1,000 items of one request; a receipt or a problem for each, in order.

        `whole`: all of them or none. Problem 429 when too many wait already, 503 when the broker or the database does
        not answer: then nothing is accepted for certain, and repeating the request is safe.
        """
        self.check_open()
        if self._waiting and self._waiting + len(items) > WAITING_LIMIT:
            raise Problem(Problems.BUSY, headers={"Retry-After": "1"})
        group = _Group(items, whole, asyncio.get_running_loop().create_future())
        self._groups.append(group)
        self._count(len(items))
        self._woken.set()
        return await group.answer

    def check_open(self) -> None:
        """Problem 503 while there is no connection to the broker."""
        if not self._runtime.nats.is_connected:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})

    async def settle_in_turn(self, items: Sequence[Candidate | Refused]) -> list[Outcome]:
        """The same for who sends without end: it waits until there is room, and leaves half of that to others."""
        while self._waiting and self._waiting + len(items) > WAITING_LIMIT // 2:
            self._left.clear()
            await self._left.wait()
        return await self.settle(items)

    async def look(self, entries: Sequence[Candidate]) -> list[Checked]:
        """Compare with what stands, and accept nothing."""
        async with self._looking:
            standing = (await self._archive.look_up(entries)).standing
        return [_checked(entry, standing, self._runtime.reference) for entry in entries]

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as clerks:
                for _ in range(_CLERKS):
                    clerks.create_task(self._serve())
        finally:
            await self._archive.close()

    async def _serve(self) -> None:
        archive = HistoryReader(self._runtime.engine, self._runtime.reference)
        try:
            while True:
                groups = await self._next()
                try:
                    await self._settle(groups, archive)
                except Exception as error:  # noqa: BLE001 - the clerk goes on, whatever one group did
                    if isinstance(error, _PASSING):  # whoever waits behind them would wait as long for the same
                        groups += self._groups
                        self._groups.clear()
                    _fail(groups, error)
                finally:
                    self._count(-sum(len(group.items) for group in groups))
                    self._left.set()
        finally:
            await archive.close()

    async def _next(self) -> list[_Group]:
        while not (groups := self._take()):
            self._woken.clear()
            await self._woken.wait()
        return groups

    def _take(self) -> list[_Group]:
        groups: list[_Group] = []
        size = 0
        while self._groups and (not groups or size + len(self._groups[0].items) <= BATCH_LIMIT):
            groups.append(self._groups.popleft())
            size += len(groups[-1].items)
        return groups

    def _count(self, change: int) -> None:
        self._waiting += change
        WAITING.set(self._waiting)

    async def _settle(self, groups: Sequence[_Group], archive: HistoryReader) -> None:
        """Decide about what the groups brought, publish it all together, and answer."""
        runtime = self._runtime
        known = await archive.look_up([item for group in groups for item in group.items if isinstance(item, Candidate)])
        now = runtime.clock.now()
        decisions = Round(known, runtime.reference, now)
        refusals: list[Message] = []
        for group in groups:
            group.decided = decisions.decide(group.items, whole=group.whole)
            for item, decided in zip(group.items, group.decided, strict=True):
                if isinstance(decided, Problem):
                    refusal_id, message = refusal_of(Refused(item.item, item.posted, decided), now)
                    decided.instance = f"/v1/submissions/{refusal_id}"
                    refusals.append(message)
        published = [(signed, messages_of(signed, entry)) for entry, signed in decisions.taken.values()]
        messages = [message for _, some in published for message in some]
        stored, _ = await asyncio.gather(publish(runtime.nats, messages), publish(runtime.nats, refusals))
        answers = await self._answers(published, stored)
        for group in groups:
            _answer(group, answers)

    async def _answers(
        self, published: Iterable[tuple[AcceptedSubmission, list[Message]]], stored: Sequence[Stored]
    ) -> dict[UUID, Outcome]:
        """What to answer for what was published; where the stream had it already, its first receipt."""
        answers: dict[UUID, Outcome] = {}
        position = 0
        for signed, messages in published:
            place = stored[position]
            position += len(messages)
            if not place.duplicate:
                ACCEPTED.inc()
                answers[signed.id] = receipt(signed)
                continue
            original = await self._runtime.nats.jetstream().get_msg(subjects.SUBMISSIONS_STREAM, place.sequence)
            first = AcceptedSubmission.model_validate_json(original.data or b"")
            used_for = (original.headers or {}).get(REQUEST_DIGEST_HEADER)
            same = first.digest == signed.digest and used_for == messages[0].headers.get(REQUEST_DIGEST_HEADER)
            answers[signed.id] = receipt(first) if same else Problem(Problems.KEY_USED)
        return answers


def _checked(entry: Candidate, standing: StandingFigures, reference: Reference) -> Checked:
    compared = rules.compare(entry.submission, entry.unit, standing, reference)
    unit, period = entry.unit.key, entry.submission.period
    before = {
        element: reading
        for element in entry.submission.readings
        if (reading := standing.at(unit, element, period) or standing.before(unit, element, period))
    }
    return Checked(entry, compared.faults, compared.warnings, before)


def _answer(group: _Group, answers: dict[UUID, Outcome]) -> None:
    """Give a request its answer. Of what is taken whole or not at all, a problem leaves nothing accepted."""
    problem = next((one for one in group.decided if isinstance(one, Problem)), None)
    if group.whole and problem is not None:
        outcomes: list[Outcome] = [one if isinstance(one, Problem) else problem for one in group.decided]
    else:
        outcomes = [answers[one.id] if isinstance(one, AcceptedSubmission) else one for one in group.decided]
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
            group.answer.set_exception(Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"}) if passes else error)
