"""The door for streams of submissions, one on each line (NDJSON), of any length, in bounded memory."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.intake.admission.accept import ITEM_LIMIT, content_digest, content_of
from services.intake.admission.candidate import LINES, Candidate, Posted, Refused
from services.intake.admission.group_commit import Outcome
from services.intake.service import Intake
from shared.contracts.bilingual import Language
from shared.contracts.submission import Receipt
from shared.http.body import BODY_LIMIT, LINE_LIMIT, drain, parse_json, read_lines
from shared.problems import Fault, Faults, Problem, Problems

NDJSON = "application/x-ndjson"
STREAM_LIMIT = 16
"""The number of streams that are served at once."""

AGENCY_STREAM_LIMIT = 4
"""The number of them that an agency may have: its slow streams keep no other agency from sending."""

_SLICE = 100
"""The number of lines that are checked before other requests get their turn."""
_KEPT_BYTES = 4000
"""The part of a refused line that is kept."""

_streams = asyncio.Semaphore(STREAM_LIMIT)
_of_agency: Counter[str] = Counter()

type _Line = tuple[int, bytes]
"""The number of a line in the stream, in which blank lines count too, and its text."""


async def post_lines(request: Request, intake: Intake, posted: Posted) -> Response:
    """Take a stream of lines, a thousand at a time; the answers wait on disk until the whole stream was sent.

    When the stream breaks off or the broker goes away, the answer says which lines were accepted until then and why
    the stream ended; sending the whole stream again is safe.
    """
    agency = posted.caller.agency
    if _streams.locked() or _of_agency[agency] >= AGENCY_STREAM_LIMIT:
        raise Problem(Problems.BUSY, headers={"Retry-After": "5", "Connection": "close"})
    async with _streams, _counted(agency):
        answers = _Answers(posted.language)
        ended = await _take(request, intake, posted, answers)
    if ended is not None and ended.kind is not Problems.TOO_SLOW:
        await drain(request)
    return answers.response(ended)


@asynccontextmanager
async def _counted(agency: str) -> AsyncIterator[None]:
    _of_agency[agency] += 1
    try:
        yield
    finally:
        _of_agency[agency] -= 1
        if not _of_agency[agency]:
            del _of_agency[agency]


async def _take(request: Request, intake: Intake, posted: Posted, answers: _Answers) -> Problem | None:
    """Submit each thousand lines while the next thousand is read; return why the stream ended early, if it did."""
    ended: Problem | None = None
    submitting: asyncio.Task[list[tuple[int, Outcome]]] | None = None
    stream = _Stream(posted)
    try:
        async for lines in _thousands(request):
            screened = await _screen(intake, lines, stream)
            if submitting:
                before, submitting = submitting, None
                answers.add(await before)
            submitting = asyncio.create_task(_submit(intake, lines, screened))
    except Problem as problem:
        ended = problem
    try:
        if submitting:
            answers.add(await submitting)
    except Problem as problem:
        ended = problem
    if ended is None and answers.is_empty:
        return Problem(Problems.REFUSED, Fault("", Faults.EMPTY))
    return ended


async def _thousands(request: Request) -> AsyncIterator[list[_Line]]:
    lines: list[_Line] = []
    number = size = 0
    async for line in read_lines(request):
        number += 1
        if not line.strip():
            continue
        lines.append((number, line))
        size += len(line)
        if len(lines) == ITEM_LIMIT or size >= BODY_LIMIT:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


class _Stream:
    """A stream of which some lines have come: whose it is, the number of its lines, the digest of all of them."""

    def __init__(self, posted: Posted) -> None:
        self.posted = posted
        self._number = 0
        self._digest = ""

    def take(self, item: object) -> int:
        """Take the next line; return its number among the lines that are not blank, from 0, as in an array."""
        if self.posted.request is not None:
            self._digest = content_digest(self._digest.encode() + content_of(item))
            self.posted = replace(self.posted, request_digest=LINES + self._digest)
        self._number += 1
        return self._number - 1


async def _screen(intake: Intake, lines: Sequence[_Line], stream: _Stream) -> list[Candidate | Refused]:
    screened: list[Candidate | Refused] = []
    for place, (_, line) in enumerate(lines):
        if place % _SLICE == 0:
            await asyncio.sleep(0)
        result = _screen_line(intake, line, stream)
        if isinstance(result, Refused) and len(line) > _KEPT_BYTES:
            # a few megabytes of hostile lines would take a hundred when parsed, while they wait for their turn
            result = Refused(line[:_KEPT_BYTES].decode(errors="replace"), stream.posted, result.problem)
        screened.append(result)
    return screened


def _screen_line(intake: Intake, line: bytes, stream: _Stream) -> Candidate | Refused:
    try:
        if len(line) >= LINE_LIMIT:
            raise Problem(Problems.TOO_LARGE, Fault("", Faults.TOO_LONG, {"expected": f"{LINE_LIMIT // 1024} kB"}))
        item = parse_json(line)
    except Problem as problem:
        text = line.decode(errors="replace")
        stream.take(text)
        return Refused(text, stream.posted, problem)
    number = stream.take(item)
    return intake.admission.screen(item, number, stream.posted)


async def _submit(
    intake: Intake, lines: Iterable[_Line], screened: Sequence[Candidate | Refused]
) -> list[tuple[int, Outcome]]:
    outcomes = await intake.admission.group_commit.submit_patiently(screened)
    return [(number, outcome) for (number, _), outcome in zip(lines, outcomes, strict=True)]


class _Answers:
    """The answer to a stream: a line for each line, and a last line with the counts."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the answer was sent
        self._accepted = self._refused = 0

    @property
    def is_empty(self) -> bool:
        """Return whether no line was accepted or refused."""
        return not (self._accepted or self._refused)

    def add(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Write the outcomes of lines down; raise problem 409 where the stream's key was used for other lines."""
        ended: Problem | None = None
        for number, outcome in outcomes:
            if isinstance(outcome, Receipt):
                self._accepted += 1
                self._spool.write(b'{"line":%d,%b\n' % (number, outcome.model_dump_json().encode()[1:]))
            else:
                self._refused += 1
                self._write({"line": number, **answer_item(outcome, self._language)})
                ended = outcome if outcome.kind is Problems.KEY_USED else ended
        if ended is not None:
            raise Problem(Problems.KEY_USED)

    def response(self, ended: Problem | None) -> Response:
        """Return the response, with the reason where the stream ended early."""
        last: dict[str, Any] = {"summary": {"accepted": self._accepted, "refused": self._refused}}
        status = 202 if self._accepted else 422
        if ended is not None:
            status = ended.kind.http_status
            last["problem"] = ended.document(self._language)
        self._write(last)
        self._spool.seek(0)
        return StreamingResponse(
            iter(lambda: self._spool.read(64 * 1024), b""),
            status,
            headers=ended.headers if ended else None,
            media_type=NDJSON,
            background=BackgroundTask(self._spool.close),
        )

    def _write(self, line: dict[str, Any]) -> None:
        self._spool.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def answer_item(outcome: Outcome, language: Language) -> dict[str, Any]:
    """Return the answer for one of several submissions."""
    if isinstance(outcome, Receipt):
        return outcome.model_dump(mode="json")
    return {"status": "refused", "problem": outcome.document(language)}
