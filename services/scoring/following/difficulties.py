"""The difficulties that units have reported and that nobody has closed, read from the stream that holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.scoring.following.difficulty import Difficulty
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.nats.stream_reader import read_stream
from shared.service.proof import Proof


class Difficulties:
    """All difficulties that were ever reported. Each look reads only what the stream has got since the one before."""

    def __init__(self, nats: Client, proof: Proof) -> None:
        self._nats = nats
        self._proof = proof
        self._known: dict[UUID, Difficulty] = {}
        self._read_until = 0
        self._turn = asyncio.Lock()

    async def open_on(self, on: date) -> Sequence[Difficulty]:
        """Return those that were open at the end of a day: first those without an answer, each part oldest first.

        Raises NatsError while the broker is away.
        """
        async with self._turn:
            state = (await self._nats.jetstream().stream_info(subjects.STATUS_STREAM)).state
            if state.last_seq < self._read_until:  # the stream was made anew
                self._known.clear()
                self._read_until = 0
            async for batch in read_stream(self._nats, subjects.STATUS_STREAM, subjects.ALL_PROBLEMS, self._read_until):
                for message in self._proof.proved(batch):
                    self._take(message)
                self._read_until = batch[-1].metadata.sequence.stream
        found = [one for one in self._known.values() if one.is_open(on)]
        return sorted(found, key=lambda one: (one.answered_at is not None, one.report.at, str(one.report.problem)))

    def _take(self, message: Msg) -> None:
        with suppress(ValidationError):  # which intake parks, and names to operators
            event = DifficultyLogged.model_validate_json(message.data)
            if event.id == event.problem:
                self._known.setdefault(event.problem, Difficulty(event))
            elif event.problem in self._known:
                answers = self._known[event.problem].answers
                if all(event.id != one.id for one in answers):
                    answers.append(event)
