"""The independent record: a file that says what was sent before each request, and what was answered after it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Identity(NamedTuple):
    """A submission as its sender knows it: the load sends no two of the same identity."""

    unit: str
    period: str
    stage: str
    revision: int


class Acknowledged(NamedTuple):
    """A submission whose receipt came, with the figures that were sent."""

    identity: Identity
    id: str
    digest: str
    readings: dict[str, int]
    door: str


def identity_of(item: dict[str, Any]) -> Identity:
    """Return the identity of a submission, whether it was sent or read from a stream."""
    return Identity(item["unit"], item["period"], item.get("stage", "reported"), item.get("revision", 1))


class Record:
    """The record of a run. Each line is written to the file before the load goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: Counter[str] = Counter()
        """Answers by door: what came back, or that nothing did."""
        self.served: Counter[str] = Counter()
        """Acknowledged submissions by door."""
        self._file = path.open("a", buffering=1)

    def sends(self, door: str, item: dict[str, Any]) -> None:
        """Note a submission before its request goes out."""
        self._write({"sent": identity_of(item), "door": door, "item": item})

    def acknowledges(self, door: str, item: dict[str, Any], receipt: dict[str, Any]) -> None:
        """Note the receipt of a submission."""
        self._write({"acknowledged": identity_of(item), "id": receipt["id"], "digest": receipt["digest"]})
        self.served[door] += 1

    def refuses(self, door: str, item: dict[str, Any], problem: object) -> None:
        """Note that a submission, which was sound, was refused for good."""
        self._write({"refused": identity_of(item), "door": door, "problem": problem})

    def withdraws(self, identity: Identity, *, is_answered: bool) -> None:
        """Note a withdrawal: before its request, and again once it was accepted."""
        self._write({"withdrawn" if is_answered else "withdraws": identity})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Recorded:
    """The content of a record, read from its file."""

    def __init__(self, path: Path) -> None:
        self.sent: dict[Identity, dict[str, Any]] = {}
        self.doors: dict[Identity, str] = {}
        self.acknowledged: dict[Identity, Acknowledged] = {}
        self.other_receipts: list[str] = []
        """Receipts that differ from the one that the same submission had before."""
        self.refused: list[str] = []
        self.withdrawn: set[Identity] = set()
        for line in _lines(path):
            self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        if "sent" in line:
            identity = Identity(*line["sent"])
            self.sent[identity], self.doors[identity] = line["item"], line["door"]
        elif "acknowledged" in line:
            identity = Identity(*line["acknowledged"])
            readings, door = self.sent[identity]["readings"], self.doors[identity]
            found = Acknowledged(identity, line["id"], line["digest"], readings, door)
            if self.acknowledged.setdefault(identity, found) != found:
                self.other_receipts.append(f"{found} after {self.acknowledged[identity]}")
        elif "refused" in line:
            self.refused.append(f"{line['refused']} by {line['door']}: {line['problem']}")
        elif "withdrawn" in line:
            self.withdrawn.add(Identity(*line["withdrawn"]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)
