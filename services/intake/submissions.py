"""The door for programs over HTTP: one submission, an array, or a stream of lines."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterable
from typing import IO, Any

from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.accept import ITEM_LIMIT, Intake, accept, content_digest, screen
from services.intake.body import BODY_LIMIT, LINE_LIMIT, parse_json, read_body, read_lines
from services.intake.desk import Outcome
from services.intake.entry import Entry, Posted, Refused
from shared.access import authenticate
from shared.contracts import Receipt
from shared.contracts.words import Language
from shared.messaging import new_trace
from shared.problems import Fault, Faults, Problem, Problems
from shared.web import EXPECTED_ERRORS, answer, answer_error, language_of

NDJSON = "application/x-ndjson"
STREAM_LIMIT = 16
"""Streams of lines at once."""

_KEY_LENGTH = 200
_SLICE = 100
"""Lines that are checked before others get their turn."""

_streams = asyncio.Semaphore(STREAM_LIMIT)


class SubmissionsDoor:
    """`POST /v1/submissions`, before the framework's router and what else it does for a request.

    All figures pass here, and that half of a request's time is worth saving. The document of the API describes it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is posted there, and let everything else pass."""
        if scope["type"] != "http" or scope["path"] != "/v1/submissions" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await post_submissions(request)
        except EXPECTED_ERRORS as error:
            response = await answer_error(request, error)
        await response(scope, receive, send)


async def post_submissions(request: Request) -> Response:
    """Post one submission (an object), up to 1,000 (an array), or any number (a line each).

    The answer has a receipt or a problem for each.
    """
    caller = await authenticate(request)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    request_key = request.headers.get("idempotency-key")
    if request_key is not None and not 1 <= len(request_key) <= _KEY_LENGTH:
        fault = Fault("/idempotency-key", Faults.TOO_LONG, {"expected": _KEY_LENGTH})
        raise Problem(Problems.INVALID_QUERY, fault)
    intake: Intake = request.app.state.intake
    intake.desk.check_open()
    posted = Posted(caller, language_of(request), new_trace(request.headers.get("traceparent")), request_key)
    if content_type == NDJSON:
        return await _post_lines(request, intake, posted)
    if content_type not in ("application/json", ""):
        raise Problem(Problems.NOT_JSON)
    text = await read_body(request, BODY_LIMIT)
    return await answer_json(intake, text, posted)


async def answer_json(intake: Intake, text: bytes, posted: Posted) -> Response:
    """Take a JSON text, an object or an array, whichever door it came through."""
    body = parse_json(text)
    if posted.request is not None:
        digest = content_digest(json.dumps(body, sort_keys=True).encode())
        posted = Posted(posted.caller, posted.language, posted.trace, posted.request, digest)
    outcomes = await accept(intake, body, posted)
    return _answer_all(outcomes, posted.language) if isinstance(body, list) else _answer_one(outcomes[0], posted)


def _answer_one(outcome: Outcome, posted: Posted) -> Response:
    if isinstance(outcome, Problem):
        return answer(outcome, posted.language)
    return Response(outcome.model_dump_json(), 202, media_type="application/json")


def _answer_all(outcomes: list[Outcome], language: Language) -> Response:
    """202 when something was accepted; otherwise the status that fits all refusals. Each item says its own."""
    items = [_item(outcome, language) for outcome in outcomes]
    accepted = sum(isinstance(outcome, Receipt) for outcome in outcomes)
    counts = {"accepted": accepted, "refused": len(items) - accepted}
    if accepted:
        return JSONResponse({**counts, "items": items}, status_code=202)
    problem = next(outcome for outcome in outcomes if isinstance(outcome, Problem))
    if any(isinstance(other, Problem) and other.kind is not problem.kind for other in outcomes):
        problem = Problem(Problems.REFUSED)
    document = {**Problem(problem.kind, detail=problem.detail).document(language), **counts, "items": items}
    return JSONResponse(document, problem.kind.http_status, media_type="application/problem+json")


def _item(outcome: Outcome, language: Language) -> dict[str, Any]:
    if isinstance(outcome, Receipt):
        return outcome.model_dump(mode="json")
    return {"status": "refused", "problem": outcome.document(language)}


async def _post_lines(request: Request, intake: Intake, posted: Posted) -> Response:
    """Take a stream of lines, a thousand at a time; what is answered waits on disk until all was sent.

    When the stream breaks off or the broker goes away, the answer says what was accepted until then and why it
    ended; sending the whole again is safe.
    """
    if _streams.locked():
        raise Problem(Problems.BUSY, headers={"Retry-After": "5", "Connection": "close"})
    async with _streams:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the answer was sent
        counts = {"accepted": 0, "refused": 0}
        ended: Problem | None = None
        settling: asyncio.Task[list[Outcome]] | None = None
        number = 0
        try:
            async for lines in _thousands(request):
                await intake.desk.room()
                screened = await _screen_lines(intake, lines, number, posted)
                number += len(lines)
                if settling:
                    _write(spool, await settling, counts, posted.language)
                settling = asyncio.create_task(intake.desk.settle(screened))
            if settling:
                _write(spool, await settling, counts, posted.language)
        except Problem as problem:
            ended = problem
        if not number and ended is None:
            ended = Problem(Problems.REFUSED, Fault("", Faults.EMPTY))
    return _answer_lines(spool, counts, ended, posted.language)


async def _thousands(request: Request) -> AsyncIterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    async for line in read_lines(request):
        if not line.strip():
            continue
        lines.append(line)
        size += len(line)
        if len(lines) == ITEM_LIMIT or size >= BODY_LIMIT:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


async def _screen_lines(intake: Intake, lines: list[bytes], first: int, posted: Posted) -> list[Entry | Refused]:
    screened: list[Entry | Refused] = []
    for number, line in enumerate(lines):
        if number % _SLICE == 0:
            await asyncio.sleep(0)
        screened.append(_screen_line(intake, line, first + number, posted))
    return screened


def _screen_line(intake: Intake, line: bytes, number: int, posted: Posted) -> Entry | Refused:
    if len(line) >= LINE_LIMIT:
        problem = Problem(Problems.TOO_LARGE, Fault("", Faults.TOO_LONG, {"expected": f"{LINE_LIMIT // 1024} kB"}))
        return Refused(line[:100].decode(errors="replace"), posted, problem)
    try:
        item = parse_json(line)
    except Problem as problem:
        return Refused(line.decode(errors="replace"), posted, problem)
    return screen(intake, item, number, posted)


def _write(spool: IO[bytes], outcomes: Iterable[Outcome], counts: dict[str, int], language: Language) -> None:
    for outcome in outcomes:
        line = sum(counts.values()) + 1
        if isinstance(outcome, Receipt):
            counts["accepted"] += 1
            spool.write(b'{"line":%d,' % line + outcome.model_dump_json().encode()[1:] + b"\n")
        else:
            counts["refused"] += 1
            spool.write(json.dumps({"line": line, **_item(outcome, language)}, ensure_ascii=False).encode() + b"\n")


def _answer_lines(spool: IO[bytes], counts: dict[str, int], ended: Problem | None, language: Language) -> Response:
    """The items' answers, and at the end the counts and, where it ended before its time, the problem."""
    status = 202 if counts["accepted"] else 422
    last: dict[str, Any] = {"summary": counts}
    if ended is not None:
        status = ended.kind.http_status
        last["problem"] = ended.document(language)
    spool.write(json.dumps(last, ensure_ascii=False).encode() + b"\n")
    spool.seek(0)
    return StreamingResponse(
        iter(lambda: spool.read(64 * 1024), b""),
        status,
        headers=ended.headers if ended else None,
        media_type=NDJSON,
        background=BackgroundTask(spool.close),
    )
