"""`ntm submit`: post a file of submissions to intake."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import BaseModel, ValidationError

from deploy.local.clients import http
from services.cli.answers import problem_text
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, Key, key_of, system_of
from services.cli.submission_file import UnreadableFileError, read

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
    file: Annotated[Path, typer.Argument(help="JSON (object or array), NDJSON, or CSV with a column per element.")],
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Post submissions. Repeating the command is safe: intake takes no submission twice.

    Exit status: 0 all are accepted, 1 some are refused, 2 the file or the key cannot be used, 3 intake did not answer
    or would not take the submissions now: run the command again.
    """
    try:
        submissions = read(file.suffix, file.read_bytes())
    except OSError as error:
        raise fail(f"{file}: {error.strerror}", UNUSABLE) from None
    except UnreadableFileError as error:
        raise fail(f"{file}: {error.reason.in_both}", UNUSABLE) from None
    given = key_of(data, key)
    if not (given.isascii() and given.isprintable()) or " " in given:
        raise fail("Khóa truy cập có ký tự lạ. / The key has characters that no key has.", UNUSABLE)
    if run(_post(system_of(data).intake_url, given, submissions)):
        raise typer.Exit(REFUSED)


async def _post(intake_url: str, key: str, submissions: list[bytes]) -> int:
    accepted = refused = 0
    async with http(key) as client:
        for chunk in _chunks(submissions):
            try:
                answer = await _post_chunk(client, intake_url, chunk)
            except _NotAnsweredError as error:
                errors.print(str(error), style="red", highlight=False, markup=False)
                raise fail(
                    f"Đã tiếp nhận {accepted}. Hãy chạy lại lệnh: số liệu đã nhận không bị nhận hai lần. / "
                    f"{accepted} accepted so far. Run it again: what was accepted is not taken twice.",
                    NOT_ANSWERED,
                ) from None
            for number, item in enumerate(answer.items, accepted + refused + 1):
                if item.problem:
                    _print_problem(number, item.problem)
            count = sum(item.status == "accepted" for item in answer.items)
            accepted, refused = accepted + count, refused + len(chunk) - count
    console.print(f"{accepted} tiếp nhận, {refused} từ chối / {accepted} accepted, {refused} refused", highlight=False)
    return refused


def _chunks(submissions: list[bytes]) -> Iterator[list[bytes]]:
    """Yield the submissions in chunks that intake takes in one request."""
    chunk: list[bytes] = []
    size = 0
    for submission in submissions:
        if chunk and (len(chunk) == _CHUNK_ITEMS or size + len(submission) > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(submission)
        size += len(submission)
    if chunk:
        yield chunk


async def _post_chunk(client: httpx.AsyncClient, intake_url: str, chunk: list[bytes]) -> _Answer:
    """Post a chunk until intake answers. Its idempotency key follows from its content, so a repetition is harmless."""
    body = b"[" + b",".join(chunk) + b"]"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        "Accept-Language": "vi",
    }
    for attempt in range(_TRIES):
        wait_seconds = 2**attempt
        try:
            response = await client.post(f"{intake_url}/v1/submissions", content=body, headers=headers)
        except _LOST as error:
            reason = f"{intake_url}: {error or type(error).__name__}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _NotAnsweredError(f"{intake_url}: {error or type(error).__name__}") from None
        else:
            if response.status_code not in _PASSING:
                return _read_answer(response, len(chunk))
            reason = problem_text(response)
            asked_seconds = _retry_after(response)
            wait_seconds = wait_seconds if asked_seconds is None else asked_seconds
        if attempt + 1 == _TRIES or wait_seconds > _LONGEST_WAIT_SECONDS:
            break
        again = f"Thử lại sau {wait_seconds} giây. / Trying again in {wait_seconds} s."
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
    raise _NotAnsweredError(
        f"{problem_text(response)}: máy chủ trả lời không như mong đợi. / the server's answer is not understood."
    )


def _print_problem(number: int, problem: _Problem) -> None:
    lines = [f"{fault.pointer}: {fault.detail}" for fault in problem.errors] or [problem.title]
    for line in lines:
        console.print(f"{number}: {line}", style="red", highlight=False, markup=False)
