"""The schedule of faults: a pure function of the seed, the number of faults and the kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

_SIZES = (1, 1, 1, 2, 2, 3)
"""Faults that begin together: mostly one, seldom three."""

_LONGEST_LAG = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: its kind, the part that it strikes, the time that it lasts, and its delay within its round."""

    number: int
    kind: str
    part: str
    seconds: float
    after: float

    def __str__(self) -> str:
        part = f" of {self.part}" if self.part else ""
        return f"{self.number}: {self.kind}{part}, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of fault as the schedule knows it: the parts that it can strike, and its shortest and longest time."""

    parts: Sequence[str]
    seconds: tuple[float, float]


def schedule(seed: int, count: int, choices: Mapping[str, Choice]) -> list[list[Fault]]:
    """Return rounds of faults. Those of one round overlap; between rounds the system has to recover.

    Every part is struck by every kind before one is struck again in the same way.
    """
    random = Random(f"faults/{seed}")  # noqa: S311 - to be repeated, not to be secret
    deck = _deck(random, choices)
    rounds: list[list[Fault]] = []
    number = 0
    while number < count:
        faults: list[Fault] = []
        for _ in range(min(random.choice(_SIZES), count - number)):
            number += 1
            kind, part = next(deck)
            seconds = round(random.uniform(*choices[kind].seconds), 1)
            after = round(random.uniform(0, _LONGEST_LAG), 1) if faults else 0.0
            faults.append(Fault(number, kind, part, seconds, after))
        rounds.append(faults)
    return rounds


def _deck(random: Random, choices: Mapping[str, Choice]) -> Iterator[tuple[str, str]]:
    cards = [(kind, part) for kind, choice in sorted(choices.items()) for part in choice.parts]
    while True:
        random.shuffle(cards)
        yield from cards
