"""Answers as they are sent, kept for as long as what they were made from stays the same."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from pydantic import BaseModel

_ANSWERS_KEPT = 500
_BYTES_KEPT = 20_000_000
_LEVEL = 5


@dataclass(slots=True)
class _Kept:
    made_from: object = None
    packed: bytes = b""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeptAnswers:
    """Keeps answers as compressed JSON; the ones not asked for longest make room."""

    def __init__(self, most: int = _ANSWERS_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def ask(self, question: Hashable, made_from: object, make: Callable[[], Awaitable[BaseModel]]) -> bytes:
        """Return the answer to a question, compressed by gzip.

        It is made anew unless it was made from the same: from what is equal to `made_from`, which must have been read
        before the answer is made. Whoever asks meanwhile waits for it.
        """
        kept = self._kept.setdefault(question, _Kept())
        self._kept.move_to_end(question)
        self._make_room()
        async with kept.lock:
            if not kept.packed or kept.made_from != made_from:
                answer = await make()
                kept.packed = await asyncio.to_thread(_packed, answer)
                kept.made_from = made_from
            return kept.packed

    def _make_room(self) -> None:
        size = sum(len(kept.packed) for kept in self._kept.values())
        while len(self._kept) > self._most or size > _BYTES_KEPT:
            _, gone = self._kept.popitem(last=False)
            size -= len(gone.packed)


def _packed(answer: BaseModel) -> bytes:
    return gzip.compress(answer.model_dump_json(by_alias=True).encode(), _LEVEL, mtime=0)
