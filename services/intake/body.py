"""Reading what clients send: bounded in size, in time, and in what the process holds at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from shared.contracts import Bilingual
from shared.problems import Fault, Faults, Problem, Problems

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of one JSON request."""

LINE_LIMIT = 256 * 1024
"""Bytes of one line of NDJSON."""

BODY_SECONDS = 60
"""A request that stops half-way is not waited for any longer."""

HELD_LIMIT = 96 * 1024 * 1024
"""Bytes of bodies that the process holds at once."""

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
    """The lines of the body, as they come. A longer line than `LINE_LIMIT` comes cut to that length."""
    refuse_packed(request)
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


def refuse_packed(request: Request) -> None:
    """Problem 415 for a compressed body: it is not unpacked, and would be no JSON."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(Problems.PACKED)


def parse_json(text: bytes) -> Any:
    """The value; problem 400 with the reason when it is no JSON, names something twice, or is nested too deeply."""
    try:
        if b"\\u" in text:
            from_json(text)  # half a surrogate pair passes Python's reader, and can be written nowhere
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        detail = Bilingual(vi=f"Không đọc được JSON: {reason}", en=f"The JSON cannot be read: {reason}")
        raise Problem(Problems.INVALID_JSON, detail=detail) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two figures under one name: nobody can say which is meant, and one would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:60]!r} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
