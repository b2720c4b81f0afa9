"""Bodies of requests, read within limits of size, time, and the bytes that the process holds at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults, Problem, Problems
from shared.strict_json import NotANumberError, RepeatedNameError, StrictDecoder
from shared.text import storable
from shared.texts import filled, phrase

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one JSON request."""

LINE_LIMIT = 256 * 1024
"""Bytes of one line of NDJSON."""

BODY_SECONDS = 60
"""The longest wait for a body, or for the next part of a stream of lines."""

HELD_LIMIT = 96 * 1024 * 1024
"""Bytes of bodies that the process holds at once."""

DEPTH_LIMIT = 32
"""The deepest nesting of JSON. Python would read values that are nested too deeply to be written again."""

DRAIN_LIMIT = 256 * 1024 * 1024
"""The bytes of a too large body that are read and forgotten: most clients listen only after they have sent it all."""


class BodyMemory:
    """The bytes of bodies that the process may still take into memory."""

    def __init__(self, limit: int = HELD_LIMIT) -> None:
        self._left = limit

    @contextmanager
    def growing(self) -> Iterator[bytearray]:
        """Yield a buffer; the bytes that `grow` added to it are counted until the block ends."""
        buffer = bytearray()
        try:
            yield buffer
        finally:
            self._left += len(buffer)

    def grow(self, buffer: bytearray, chunk: bytes) -> None:
        """Add a chunk to a buffer; problem 429 when the process holds too many bytes already."""
        if len(chunk) > self._left:
            raise Problem(Problems.BUSY, headers={"Retry-After": "2", "Connection": "close"})
        self._left -= len(chunk)
        buffer += chunk


memory = BodyMemory()


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; problem 408 when it is too slow, 413 too large, 415 compressed, 429 too much for the process."""
    refuse_packed(request)
    length = 0
    with memory.growing() as body:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    length += len(chunk)
                    if length <= limit:
                        memory.grow(body, chunk)
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
    """Yield the lines of the body as they come; problem 408 when they come too slowly or break off.

    A line longer than `LINE_LIMIT` is cut to that length.
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
    """Read and forget the rest of the body: most clients listen only after they have sent it all."""
    length = 0
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):  # RuntimeError: the whole body was read already
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length > DRAIN_LIMIT:
                    break


def refuse_packed(request: Request) -> None:
    """Raise problem 415 for a compressed body, which is never unpacked."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(Problems.PACKED)


class JsonRequest(Request):
    """A request whose body is bounded in size, and read as strict JSON."""

    async def body(self) -> bytes:
        """Return the body, read within its limits."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, BODY_LIMIT)
        return self._body

    async def json(self) -> Any:
        """Return the value of the body."""
        return parse_json(await self.body())


class JsonRoute(APIRoute):
    """A route that takes JSON of at most `BODY_LIMIT` bytes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request; problem 415 when the body is declared to be something else."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            if self.body_field is not None and media_type(request) not in ("application/json", ""):
                raise Problem(Problems.NOT_JSON)
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def media_type(request: Request) -> str:
    """Return the declared type of the body, such as `application/json`; empty where none is declared."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(text: bytes) -> Any:
    """Return the value of a JSON text; problem 400 when it is no JSON, names a field twice, or is nested too deeply."""
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


_DECODER = StrictDecoder()


def _is_deeper(value: object, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return limit == 0 or any(
        _is_deeper(each, limit - 1) for each in (value.values() if isinstance(value, dict) else value)
    )


def _reason(error: ValueError | RecursionError) -> Bilingual:
    match error:
        case RepeatedNameError(name=name):
            return filled(phrase("body.repeated_name"), name=storable(name[:60]))
        case NotANumberError(name=name):
            return filled(phrase("body.not_a_number"), name=name)
        case RecursionError():
            return _TOO_DEEP
        case json.JSONDecodeError(lineno=line, colno=column):
            return filled(phrase("body.not_json"), line=line, column=column)
        case UnicodeDecodeError(start=start):
            return filled(phrase("body.not_utf8"), byte=start + 1)
    return _TOO_MANY_DIGITS


_TOO_DEEP = filled(phrase("body.too_deep"), limit=DEPTH_LIMIT)
_TOO_MANY_DIGITS = phrase("body.too_many_digits")
_HALF_A_PAIR = phrase("body.half_a_pair")
