"""Waiting in tests: `eventually` asks a check again and again until it says yes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any


async def eventually(
    check: Callable[[], Any], seconds: float = 60, explain: Callable[[], str] = lambda: "the check never said yes"
) -> Any:
    """Return the first true answer of the check, a plain or an asynchronous function; fail after `seconds`.

    `explain` makes the message of the failure. Who has waited long is asked more seldom: a question costs its answerer
    some milliseconds, on a machine that is busy with what is waited for.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    while not (answer := await _answer_of(check)):
        waited = clock() - began
        assert waited < seconds, f"not within {seconds} s: {explain()}"
        await asyncio.sleep(min(max(0.05, waited / 10), 0.2))
    return answer


async def _answer_of(check: Callable[[], Any]) -> Any:
    answer = check()
    return await answer if isawaitable(answer) else answer
