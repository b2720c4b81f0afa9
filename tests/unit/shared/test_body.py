"""Bodies are read whole or in lines, however they are cut into chunks, and within the room of the process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from shared.http import body
from shared.http.body import BodyMemory, drain, parse_json, read_body, read_lines
from shared.problems import Problem, Problems


def a_request(chunks: Sequence[bytes], *, breaks_off: bool = False, **headers: str) -> Request:
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        + [{"type": "http.disconnect"} if breaks_off else {"type": "http.request", "body": b"", "more_body": False}]
    )

    async def receive() -> Message:
        return next(messages)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def lines_of(*chunks: bytes) -> list[bytes]:
    return [line async for line in read_lines(a_request(chunks))]


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=8), st.data())
async def test_lines_come_whole_however_the_body_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    text = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    chunks = [text[first:last] for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    wanted = text.split(b"\n")
    assert await lines_of(*chunks) == (wanted if wanted[-1] else wanted[:-1])


async def test_a_line_that_is_too_long_comes_cut_and_the_next_one_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LINE_LIMIT", 10)
    assert await lines_of(b"1\n" + b"x" * 8, b"x" * 30, b"x" * 5 + b"\n", b"2\n") == [b"1", b"x" * 10, b"2"]
    assert await lines_of(b"x" * 30 + b"\n2") == [b"x" * 10, b"2"]
    assert await lines_of(b"x" * 30) == [b"x" * 10]


async def test_lines_that_break_off_are_a_problem_after_what_came_whole() -> None:
    lines = read_lines(a_request([b"1\n2"], breaks_off=True))
    assert await anext(lines) == b"1"
    with pytest.raises(Problem) as raised:
        await anext(lines)
    assert raised.value.kind is Problems.TOO_SLOW


async def test_a_body_that_is_too_large_is_read_to_its_end_and_forgotten() -> None:
    with pytest.raises(Problem) as raised:
        await read_body(a_request([b"x" * 60, b"x" * 60]), 100)
    assert raised.value.kind is Problems.TOO_LARGE
    assert await read_body(a_request([b"x" * 50, b"x" * 50]), 100) == b"x" * 100


@pytest.mark.parametrize("packing", ["gzip", "br", "zstd", "deflate, gzip"])
async def test_a_packed_body_is_not_taken(packing: str) -> None:
    with pytest.raises(Problem) as raised:
        await read_body(a_request([b"{}"], content_encoding=packing), 100)
    assert raised.value.kind is Problems.PACKED


async def test_what_is_left_of_a_body_can_be_forgotten() -> None:
    request = a_request([b"1\n", b"2\n", b"3\n"])
    async for line in read_lines(request):
        assert line == b"1"
        break
    await drain(request)
    with pytest.raises(RuntimeError, match="consumed"):
        [chunk async for chunk in request.stream()]


def test_all_bodies_together_have_a_limit_and_what_is_forgotten_makes_room() -> None:
    held = BodyMemory(10)
    with held.growing() as first:
        held.grow(first, b"12345678")
        with held.growing() as second, pytest.raises(Problem) as raised:
            held.grow(second, b"123")
        assert raised.value.kind is Problems.BUSY
        assert raised.value.headers["Retry-After"]
    with held.growing() as third:
        held.grow(third, b"1234567890")
    assert bytes(third) == b"1234567890"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"NaN",
        b"-Infinity",
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "a": 1}}',
        b'"\xff"',
        b'"\\ud800"',
        b"[" * 100_000,
        b"1 2",
        "{}".encode("utf-16"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_json_or_unclear_is_a_problem_with_the_reason(text: bytes) -> None:
    with pytest.raises(Problem) as raised:
        parse_json(text)
    assert raised.value.kind is Problems.INVALID_JSON
    assert raised.value.detail


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_everything_that_json_can_say_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_value_or_a_problem(text: bytes) -> None:
    try:
        parse_json(text)
    except Problem as problem:
        assert problem.kind is Problems.INVALID_JSON  # noqa: PT017 - a value is right as well
