"""The difficulties that units have reported and that nobody has closed, read from the stream that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.scoring.following.difficulty import Difficulty
from services.scoring.following.stream_follower import StreamFollower
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.service.proof import Proof


class Difficulties:
    """All difficulties that were ever reported."""

    def __init__(self, nats: Client, proof: Proof) -> None:
        self._proof = proof
        self._known: dict[UUID, Difficulty] = {}
        self._follower = StreamFollower(nats, subjects.ALL_PROBLEMS, self._take, self._known.clear)

    async def open_on(self, on: date) -> Sequence[Difficulty]:
        """Return those that were open at the end of a day: first those without an answer, each part oldest first.

        Raises NatsError while the broker is away.
        """
        await self._follower.catch_up()
        found = [one for one in self._known.values() if one.is_open(on)]
        return sorted(found, key=lambda one: (one.answered_at is not None, one.report.at, str(one.report.problem)))

    def _take(self, messages: Sequence[Msg]) -> None:
        for message in self._proof.proved(messages):
            with suppress(ValidationError):  # which intake parks, and names to operators
                self._note(DifficultyLogged.model_validate_json(message.data))

    def _note(self, event: DifficultyLogged) -> None:
        if event.id == event.problem:
            self._known.setdefault(event.problem, Difficulty(event))
        elif event.problem in self._known:
            answers = self._known[event.problem].answers
            if all(event.id != one.id for one in answers):
                answers.append(event)
