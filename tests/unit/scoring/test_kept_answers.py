"""Answers that are kept as they are sent: made once from the same, again from other things, and never without end."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from pydantic import BaseModel

from services.scoring.following.kept_answers import KeptAnswers


class Answer(BaseModel):
    number: int


class Maker:
    """Makes answers with ascending numbers."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False

    async def __call__(self) -> Answer:
        await asyncio.sleep(0)
        if self.fails:
            raise LookupError
        self.made += 1
        return Answer(number=self.made)


async def asked(kept: KeptAnswers, question: str, made_from: object, make: Maker) -> int:
    number = json.loads(gzip.decompress(await kept.ask(question, made_from, make)))["number"]
    assert isinstance(number, int)
    return number


async def test_an_answer_is_made_again_only_from_other_things() -> None:
    kept, make = KeptAnswers(), Maker()
    assert [await asked(kept, "a", (1, ["x"]), make) for _ in range(3)] == [1, 1, 1]
    assert await asked(kept, "b", (1, ["x"]), make) == 2
    assert await asked(kept, "a", (1, ["y"]), make) == 3
    assert await asked(kept, "a", (1, ["x"]), make) == 4
    assert await asked(kept, "b", (1, ["x"]), make) == 2


async def test_it_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    kept, make = KeptAnswers(), Maker()
    assert await asyncio.gather(*(asked(kept, "a", 1, make) for _ in range(20))) == [1] * 20


async def test_a_failure_is_not_kept() -> None:
    kept, make = KeptAnswers(), Maker()
    assert await asked(kept, "a", 1, make) == 1
    make.fails = True
    for question in ("a", "b"):
        with pytest.raises(LookupError):
            await kept.ask(question, 2, make)
    make.fails = False
    assert await asked(kept, "a", 2, make) == 2
    assert await asked(kept, "b", 2, make) == 3


async def test_the_answer_not_asked_for_longest_makes_room() -> None:
    kept, make = KeptAnswers(most=2), Maker()
    assert [await asked(kept, question, 1, make) for question in "abacab"] == [1, 2, 1, 3, 1, 4]
