"""Reading what clients send: bounded in size, in time, and in what the process holds at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults, Problem, Problems
from shared.text import storable
from shared.texts import phrase

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one JSON request."""

LINE_LIMIT = 256 * 1024
"""Bytes of one line of NDJSON."""

BODY_SECONDS = 60
"""A request that stops half-way is not waited for any longer."""

HELD_LIMIT = 96 * 1024 * 1024
"""Bytes of bodies that the process holds at once."""

DEPTH_LIMIT = 32
"""How deep JSON may be nested. Python reads what is thousands deep, and what it read can be written nowhere."""

DRAIN_LIMIT = 256 * 1024 * 1024
"""Of a body that is too large so much is read and forgotten: most clients listen only when they have sent it all."""


class Held:
    """How many bytes of bodies are in memory."""

    def __init__(self, limit: int = HELD_LIMIT) -> None:
        self._left = limit

    @contextmanager
    def growing(self) -> Iterator[bytearray]:
        """A buffer that is counted as it grows by `grow`, and forgotten at the end."""
        buffer = bytearray()
        try:
            yield buffer
        finally:
            self._left += len(buffer)

    def grow(self, buffer: bytearray, chunk: bytes) -> None:
        """Problem 429 when the process holds too much already."""
        if len(chunk) > self._left:
            raise Problem(Problems.BUSY, headers={"Retry-After": "2", "Connection": "close"})
        self._left -= len(chunk)
        buffer += chunk


held = Held()


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; problem 408, 413, 415 or 429 when it comes too slowly, is too large, packed, or too much."""
    refuse_packed(request)
    length = 0
    with held.growing() as body:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    length += len(chunk)
                    if length <= limit:
                        held.grow(body, chunk)
                    elif length > DRAIN_LIMIT:
                        break
        except TimeoutError:
            raise Problem(Problems.TOO_SLOW, headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise Problem(Problems.TOO_SLOW) from None
        if length > limit:
            fault = Fault("", Faults.TOO_LONG, {"expected": f"{limit // 1024 // 1024} MB"})
            raise Problem(Problems.TOO_LARGE, fault, headers={"Connection": "close"})
        return bytes(body)


async def read_lines(request: Request) -> AsyncIterator[bytes]:
    """The lines of the body, as they come; problem 408 when they come too slowly or break off.

    A longer line than `LINE_LIMIT` comes cut to that length.
    """
    stream = request.stream()
    rest, skipping = b"", False
    try:
        while True:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not skipping:
                    yield line[:LINE_LIMIT]
                skipping = False
            if len(rest) >= LINE_LIMIT:
                if not skipping:
                    yield rest[:LINE_LIMIT]
                rest, skipping = b"", True
    except TimeoutError:
        raise Problem(Problems.TOO_SLOW, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(Problems.TOO_SLOW) from None
    if rest and not skipping:
        yield rest


async def drain(request: Request) -> None:
    """Read and forget what is still sent: most clients listen only when they have sent it all."""
    length = 0
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):  # RuntimeError: all of it was read already
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length > DRAIN_LIMIT:
                    break


def refuse_packed(request: Request) -> None:
    """Problem 415 for a compressed body: it is not unpacked, and would be no JSON."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(Problems.PACKED)


class JsonRequest(Request):
    """A request whose body is bounded, and read strictly."""

    async def body(self) -> bytes:
        """The whole body, within its bounds."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, BODY_LIMIT)
        return self._body

    async def json(self) -> Any:
        """The value that the body is."""
        return parse_json(await self.body())


class JsonRoute(APIRoute):
    """A route that takes JSON, and no more of it than `BODY_LIMIT`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request; problem 415 where its body is declared to be something else."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            if self.body_field is not None and media_type(request) not in ("application/json", ""):
                raise Problem(Problems.NOT_JSON)
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def media_type(request: Request) -> str:
    """What the body is declared to be, such as `application/json`; empty where it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(text: bytes) -> Any:
    """The value; problem 400 with the reason when it is no JSON, names something twice, or is nested too deeply."""
    try:
        value = _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise Problem(Problems.INVALID_JSON, detail=_reason(error)) from error
    if text.count(b"{") + text.count(b"[") > DEPTH_LIMIT and _is_deeper(value, DEPTH_LIMIT):
        raise Problem(Problems.INVALID_JSON, detail=_TOO_DEEP)
    if b"\\u" in text:
        try:
            from_json(text)  # half a surrogate pair passes Python's reader, and can be written nowhere
        except ValueError as error:
            raise Problem(Problems.INVALID_JSON, detail=_HALF_A_PAIR) from error
    return value


class _NotSaidError(ValueError):
    """What Python's reader takes, and nobody can say what it means."""

    def __init__(self, detail: Bilingual) -> None:
        super().__init__(detail.en)
        self.detail = detail


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two figures under one name: nobody can say which is meant, and one would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = storable(next(name for name in names if names.count(name) > 1)[:60])
        raise _NotSaidError(
            Bilingual(
                vi=f'Tên "{twice}" đứng hai lần trong một đối tượng. Hãy bỏ một.',
                en=f'The name "{twice}" stands twice in one object. Remove one of them.',
            )
        )
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _NotSaidError(Bilingual(vi=f"{name} không phải là số của JSON.", en=f"{name} is no number of JSON."))


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant)


def _is_deeper(value: object, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return limit == 0 or any(
        _is_deeper(each, limit - 1) for each in (value.values() if isinstance(value, dict) else value)
    )


def _reason(error: ValueError | RecursionError) -> Bilingual:
    match error:
        case _NotSaidError():
            return error.detail
        case RecursionError():
            return _TOO_DEEP
        case json.JSONDecodeError(lineno=line, colno=column):
            return Bilingual(
                vi=f"Không đọc được JSON từ dòng {line}, cột {column}. Hãy kiểm tra dấu phẩy, ngoặc và nháy kép.",
                en=f"The JSON cannot be read from line {line}, column {column} on. Check commas, brackets and quotes.",
            )
        case UnicodeDecodeError(start=start):
            return Bilingual(
                vi=f"Nội dung không phải UTF-8 từ byte thứ {start + 1}. Hãy gửi bằng UTF-8.",
                en=f"The body is no UTF-8 from byte {start + 1} on. Send it in UTF-8.",
            )
    return _TOO_MANY_DIGITS


_TOO_DEEP = Bilingual(
    vi=f"JSON lồng nhau quá {DEPTH_LIMIT} tầng.", en=f"The JSON is nested more than {DEPTH_LIMIT} levels deep."
)
_TOO_MANY_DIGITS = phrase("body.too_many_digits")
_HALF_A_PAIR = phrase("body.half_a_pair")
