"""`ntm submit`: send a file of submissions, or a filled workbook, to intake."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import BaseModel, ValidationError

from deploy.local.clients import http
from services.cli.answers import problem_text
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, Key, key_of, system_of
from services.cli.submission_file import Item, UnreadableFileError, read
from services.cli.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.texts import filled

_WORKBOOK = ".xlsx"
_CHUNK_ITEMS = 1000
_CHUNK_BYTES = 3_000_000
_TRIES = 5
_LONGEST_WAIT_SECONDS = 120
_PASSING = (429, 502, 503, 504)
_LOST = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)

REFUSED, UNUSABLE, NOT_ANSWERED = 1, 2, 3


class _Fault(BaseModel):
    pointer: str
    detail: str
    cell: str | None = None


class _Problem(BaseModel):
    title: str
    errors: list[_Fault] = []


class _Item(BaseModel):
    status: str
    problem: _Problem | None = None


class _Answer(BaseModel):
    items: list[_Item]


class _NotAnsweredError(Exception):
    """Intake did not answer for the submissions; the text gives people the reason."""


def submit(
    file: Annotated[
        Path,
        typer.Argument(
            help="A filled workbook (.xlsx), JSON (object or array), NDJSON, or CSV with a column per element."
        ),
    ],
    period: Annotated[str | None, typer.Option(help="Of a workbook that states none, such as 2023-06.")] = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="A workbook's great changes are right.")] = False,
    correct: Annotated[bool, typer.Option("--correct", help="A workbook corrects what was sent before.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Post submissions. Repeating the command is safe: intake takes no submission twice.

    Exit status: 0 all are accepted, 1 some are refused, 2 the file or the key cannot be used, 3 intake did not answer
    or would not take the submissions now: run the command again.
    """
    given = key_of(data, key)
    if not (given.isascii() and given.isprintable()) or " " in given:
        raise fail(phrase("submit.strange_key").in_both, UNUSABLE)
    try:
        content = file.read_bytes()
        submissions = [] if file.suffix.lower() == _WORKBOOK else read(file.suffix, content)
    except OSError as error:
        raise fail(f"{file}: {error.strerror}", UNUSABLE) from None
    except UnreadableFileError as error:
        raise fail(f"{file}: {error.reason.in_both}", UNUSABLE) from None
    intake_url = system_of(data).intake_url
    if not submissions:
        run(_upload(intake_url, given, content, {"period": period, "confirmed": confirmed, "correct": correct}))
    elif run(_post(intake_url, given, submissions)):
        raise typer.Exit(REFUSED)


async def _upload(intake_url: str, key: str, content: bytes, ways: Mapping[str, object]) -> None:
    """Send a workbook, which is accepted whole or not at all, and print what came of it."""
    given = {name: str(value).lower() if value is True else str(value) for name, value in ways.items() if value}
    headers = {
        "Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "Idempotency-Key": hashlib.sha256(content + repr(sorted(given.items())).encode()).hexdigest(),
        "Accept-Language": "vi",
    }
    async with http(key) as client:
        try:
            url = f"{intake_url}/v1/uploads"
            response = await _patiently(lambda: client.post(url, content=content, params=given, headers=headers), url)
        except _NotAnsweredError as error:
            raise fail(f"{error}\n{filled(phrase('submit.again'), accepted=0).in_both}", NOT_ANSWERED) from None
    if response.is_success:
        console.print(filled(phrase("submit.taken"), accepted=response.json()["accepted"], refused=0).in_both)
        return
    problem = _problem_of(response)
    if problem is None or not problem.errors:
        raise fail(problem_text(response), UNUSABLE if response.status_code in (401, 403) else REFUSED)
    lines = [f"{fault.cell + ': ' if fault.cell else ''}{fault.detail}" for fault in problem.errors]
    raise fail("\n".join((problem.title, *lines)), REFUSED)


def _problem_of(response: httpx.Response) -> _Problem | None:
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return None


async def _post(intake_url: str, key: str, submissions: list[Item]) -> int:
    accepted = refused = 0
    async with http(key) as client:
        for chunk in _chunks(submissions):
            try:
                answer = await _post_chunk(client, intake_url, chunk)
            except _NotAnsweredError as error:
                errors.print(str(error), style="red", highlight=False, markup=False)
                raise fail(filled(phrase("submit.again"), accepted=accepted).in_both, NOT_ANSWERED) from None
            for sent, item in zip(chunk, answer.items, strict=True):
                if item.problem:
                    _print_problem(sent.place, item.problem)
            count = sum(item.status == "accepted" for item in answer.items)
            accepted, refused = accepted + count, refused + len(chunk) - count
    console.print(filled(phrase("submit.taken"), accepted=accepted, refused=refused).in_both, highlight=False)
    return refused


def _chunks(submissions: list[Item]) -> Iterator[list[Item]]:
    """Yield the submissions in chunks that intake takes in one request."""
    chunk: list[Item] = []
    size = 0
    for submission in submissions:
        if chunk and (len(chunk) == _CHUNK_ITEMS or size + len(submission.body) > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(submission)
        size += len(submission.body)
    if chunk:
        yield chunk


async def _post_chunk(client: httpx.AsyncClient, intake_url: str, chunk: list[Item]) -> _Answer:
    """Post a chunk until intake answers. Its idempotency key follows from its content, so a repetition is harmless."""
    body = b"[" + b",".join(item.body for item in chunk) + b"]"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        "Accept-Language": "vi",
    }
    url = f"{intake_url}/v1/submissions"
    response = await _patiently(lambda: client.post(url, content=body, headers=headers), intake_url)
    return _read_answer(response, len(chunk))


async def _patiently(ask: Callable[[], Awaitable[httpx.Response]], intake_url: str) -> httpx.Response:
    """Ask until intake answers; it is asked for the same each time, so a repetition is harmless."""
    for attempt in range(_TRIES):
        wait_seconds = 2**attempt
        try:
            response = await ask()
        except _LOST as error:
            reason = f"{intake_url}: {error or type(error).__name__}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _NotAnsweredError(f"{intake_url}: {error or type(error).__name__}") from None
        else:
            if response.status_code not in _PASSING:
                return response
            reason = problem_text(response)
            asked_seconds = _retry_after(response)
            wait_seconds = wait_seconds if asked_seconds is None else asked_seconds
        if attempt + 1 == _TRIES or wait_seconds > _LONGEST_WAIT_SECONDS:
            break
        again = filled(phrase("submit.waits"), seconds=wait_seconds).in_both
        errors.print(f"{reason}. {again}", style="dim", highlight=False, markup=False)
        await asyncio.sleep(wait_seconds)
    raise _NotAnsweredError(reason)


def _retry_after(response: httpx.Response) -> int | None:
    text = response.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _read_answer(response: httpx.Response, count: int) -> _Answer:
    """Return intake's answer for each submission; end the program when intake refuses the request as a whole."""
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        answer = None
    if answer and len(answer.items) == count:
        return answer
    if response.is_client_error:
        raise fail(problem_text(response), UNUSABLE if response.status_code in (401, 403) else REFUSED)
    raise _NotAnsweredError(f"{problem_text(response)}: {phrase('submit.not_understood').in_both}")


def _print_problem(place: Bilingual, problem: _Problem) -> None:
    lines = [f"{fault.pointer}: {fault.detail}" for fault in problem.errors] or [problem.title]
    for line in lines:
        console.print(f"{place.in_both}: {line}", style="red", highlight=False, markup=False)
