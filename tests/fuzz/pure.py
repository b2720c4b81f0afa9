"""The pure functions behind the doors, called in this process: they may raise nothing but a problem."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any
from uuid import UUID

from services.intake import rules
from services.intake.admission.digest import canonical
from services.intake.rules.standing_figures import StandingFigures, StandingReading, exact
from services.intake.workbook import RowDefaults, read, read_period
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.submission import Submission
from shared.http.body import parse_json
from shared.problems import Problem, Problems
from tests.fuzz import hostile, sound
from tests.fuzz.doors import spoilt
from tests.fuzz.files import table, workbook
from tests.fuzz.verdict import document_faults
from tests.fuzz.wire import Answer, Sent

_TODAY = date(2023, 6, 30)
_CALLERS = (Caller("fuzz", ("20",), (EVERYTHING,)), Caller("fuzz", ("184",), ("ntm-11",)))


class Function:
    """A function as a door."""

    name: str
    workers = 1

    async def open(self) -> None:
        """Nothing to prepare."""

    def make(self, random: Random) -> Sent:
        """Return the arguments of the call."""
        raise NotImplementedError

    def call(self, body: bytes) -> None:
        """Call the function, which may raise a problem and no other error."""
        raise NotImplementedError

    async def ask(self, worker: int, sent: Sent) -> Answer:
        """Return the problem in Vietnamese and English; nothing where there is none."""
        await asyncio.sleep(0)
        try:
            self.call(sent.body)
        except Problem as problem:
            documents = [problem.document("vi"), problem.document("en")]
            return Answer(problem.kind.http_status, json.dumps(documents, ensure_ascii=False).encode())
        return Answer(200)

    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        """Return the errors of the problem."""
        if answer.body:
            for language, document in zip(("vi", "en"), json.loads(answer.body), strict=True):
                yield from document_faults(document, answer.status, language)

    def close(self) -> None:
        """Nothing to end."""


class Rules(Function):
    """`rules.parse`, `rules.examine` and `rules.compare`, with values that the door for JSON may hand on."""

    name = "rules"

    def make(self, random: Random) -> Sent:
        standing = random.getrandbits(64).to_bytes(8)
        return Sent(standing + spoilt(random, sound.submission(random)))

    def call(self, body: bytes) -> None:
        random = Random(body[:8])  # noqa: S311 - decides what stands already
        found = rules.parse(parse_json(body[8:]), sound.REFERENCE)
        if isinstance(found, list):
            raise Problem(Problems.REFUSED, *found)
        canonical(found)
        if faults := rules.examine(found, random.choice(_CALLERS), sound.REFERENCE, _TODAY):
            raise Problem(Problems.REFUSED, *faults)
        unit = sound.REFERENCE.units.find(found.unit, found.period.end)
        assert unit
        compared = rules.compare(found, unit, _standing(random, found, unit.key), sound.REFERENCE)
        if compared.faults:
            raise Problem(Problems.REFUSED, *compared.faults)


def _standing(random: Random, submission: Submission, unit: int) -> StandingFigures:
    standing = StandingFigures()
    before = read_period(str(submission.period.end.year - 1))
    for code, value in submission.readings.items():
        for period in (submission.period, before):
            if period and random.random() < 0.6:
                other: Any = value if random.random() < 0.4 else random.randrange(2000)
                rank = submission.stage, random.choice((submission.revision, 1, 1000))
                standing.put(unit, code, StandingReading(exact(other), period, *rank, UUID(int=1), "other"))
    return standing


class Json(Function):
    """`body.parse_json`, with bytes of any kind."""

    name = "body"

    def make(self, random: Random) -> Sent:
        match random.randrange(3):
            case 0:
                return Sent(spoilt(random, sound.submission(random)))
            case 1:
                return Sent(hostile.written(random, hostile.value(random)))
        return Sent(hostile.damaged(random, hostile.written(random, hostile.value(random))))

    def call(self, body: bytes) -> None:
        # JSON that was read can be written again
        json.dumps(parse_json(body), ensure_ascii=False).encode()


class Reading(Function):
    """`workbook.read`, with workbooks and CSV files."""

    name = "workbook"

    def make(self, random: Random) -> Sent:
        return Sent(workbook(random) if random.random() < 0.3 else table(random))

    def call(self, body: bytes) -> None:
        upload = read(body, sound.REFERENCE, RowDefaults())
        if upload.faults:
            raise Problem(Problems.FILE_REFUSED, *(found.fault for found in upload.faults))
        for filled in upload.rows:
            found = rules.parse(filled.item, sound.REFERENCE)
            if isinstance(found, list):
                raise Problem(Problems.REFUSED, *(filled.found(fault).fault for fault in found))
