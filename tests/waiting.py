"""The one way in which tests wait for something to come to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    check: Callable[[], Awaitable[Any]], seconds: float = 60, explain: Callable[[], str] = lambda: "it never came to be"
) -> Any:
    """Return the check's first true answer; fail after `seconds` with the explanation."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (answer := await check()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {explain()}"
        await asyncio.sleep(0.05)
    return answer
