"""The load: senders at all four doors, who repeat each request until it is answered for good."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol
from uuid import uuid4

import httpx
from nats.errors import Error as NatsError

from services.intake.doors.nats import STATUS_HEADER
from shared.contracts import subjects
from shared.problems import Problems
from tests.faults.record import Record, identity_of
from tests.http_client import http_client
from tests.workbooks import a_workbook

_UNITS = Path("shared/reference/units.csv")
_PERIODS = tuple(f"2023-{month:02}" for month in range(1, 7))
_STAGES = ("reported", "reported", "reported", "verified", "confirmed")
_HEADER = ("Mã đơn vị", "Kỳ", "Lần sửa", "Tổng số hộ", "Hộ nghèo", "Hộ cận nghèo")
_PATIENCE_SECONDS = 15
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 2.0
_FOR_LATER = {408, 429, 500, 502, 503, 504}
_REPEATED_SHARE = 0.1
_WITHDRAWN_SHARE = 0.05

type Item = dict[str, Any]
type Answer = dict[str, Any]
type Answers = list[Answer | None]
"""For each item its receipt or its problem; None where there is no answer for good."""


class NotAnsweredError(Exception):
    """No answer came, or one that asks to come again."""


class Place(Protocol):
    """The doors of a running system."""

    @property
    def intake_url(self) -> str: ...
    async def request(self, subject: str, body: bytes, headers: dict[str, str], seconds: float) -> Any: ...


class Items:
    """Submissions of criterion 11 for all communes, no two of one identity."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._communes = list(communes())
        self._revisions: dict[tuple[str, str, str], int] = {}

    def make(self, count: int, stage: str | None = None) -> list[Item]:
        """Return submissions whose figures lie around the limit, so that verdicts change."""
        units = self._random.sample(self._communes, count)  # each once: a workbook may not name one twice
        return [self._one(unit, stage or self._random.choice(_STAGES)) for unit in units]

    def _one(self, unit: str, stage: str) -> Item:
        period = self._random.choice(_PERIODS)
        revision = self._revisions[unit, period, stage] = self._revisions.get((unit, period, stage), 0) + 1
        households = self._random.randint(300, 2000)
        poor = self._random.randint(1, households // 5)
        near = self._random.randint(1, households // 10)
        readings = {"households": households, "poor_households": poor, "near_poor_households": near}
        item = {"unit": unit, "period": period, "revision": revision, "confirmed": True, "readings": readings}
        return item if stage == "reported" else {**item, "stage": stage}


def communes() -> Iterator[str]:
    """Yield the codes of all communes of 2023."""
    with _UNITS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "commune" and row["valid_from"] <= "2023-01-01" <= (row["valid_to"] or "9999"):
                yield row["code"]


@dataclass
class Load:
    """Senders who go on until they are told to stop, and then wait for their last answers."""

    place: Place
    record: Record
    key: str
    random: Random

    def __post_init__(self) -> None:
        self._items = Items(self.random)
        self._stopping = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()
        self._at_work = 0
        self._pauses = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._doors = {
            "single": (self._single, 4, 1),
            "array": (self._array, 2, 8),
            "lines": (self._lines, 2, 12),
            "request": (self._request, 2, 3),
            "workbook": (self._workbook, 1, 6),
        }

    @property
    def doors(self) -> list[str]:
        """The names of the doors."""
        return list(self._doors)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send all the while."""
        async with http_client(key=self.key, seconds=_PATIENCE_SECONDS) as self._client:
            for name, (_, senders, _) in self._doors.items():
                self._tasks += [asyncio.create_task(self._send(name)) for _ in range(senders)]
            try:
                yield
            finally:
                self._stopping.set()
                self._going.set()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def paused(self, seconds: float) -> AsyncIterator[None]:
        """Wait until everything that was sent is answered, and send nothing meanwhile."""
        self._pauses += 1
        self._going.clear()
        try:
            async with asyncio.timeout(seconds):
                while self._at_work:
                    self._look_at_tasks()
                    await asyncio.sleep(0.05)
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._going.set()

    def _look_at_tasks(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    async def _send(self, door: str) -> None:
        ask, _, size = self._doors[door]
        while not self._stopping.is_set():
            await self._going.wait()
            self._at_work += 1
            try:
                stage = self.random.choice(_STAGES) if door == "workbook" else None
                items = self._items.make(self.random.randint(1, size), stage)
                await self._until_answered(door, ask, items)
            finally:
                self._at_work -= 1
            await asyncio.sleep(self.random.uniform(0.05, 0.4))

    async def _until_answered(self, door: str, ask: Any, items: list[Item]) -> None:
        for item in items:
            self.record.sends(door, item)
        key = str(uuid4())
        answers = await self._answers(door, ask, items, key)
        self._note(door, items, answers)
        if self.random.random() < _REPEATED_SHARE:
            self._note(door, items, await self._answers(door, ask, items, key))
        if door == "single" and self.random.random() < _WITHDRAWN_SHARE and answers[0]["status"] == "accepted":
            await self._withdraw(items[0], answers[0]["id"])

    async def _answers(self, door: str, ask: Any, items: list[Item], key: str) -> list[Answer]:
        """Send a request again and again, as its sender would, until each item is answered for good."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                answers: Answers = await ask(items, key)
                if None not in answers:
                    return answers
                self.record.answers[f"{door}: in part"] += 1
            except NotAnsweredError as error:
                self.record.answers[f"{door}: {error}"] += 1
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _note(self, door: str, items: list[Item], answers: list[Answer]) -> None:
        for item, answer in zip(items, answers, strict=True):
            if answer["status"] == "accepted":
                self.record.acknowledges(door, item, answer)
            else:
                self.record.refuses(door, item, answer)

    async def _withdraw(self, item: Item, receipt: str) -> None:
        self.record.withdraws(identity_of(item), is_answered=False)
        while True:
            try:
                answer = await self._post(f"/v1/submissions/{receipt}/withdraw", json={"reason": "Gửi nhầm."})
            except NotAnsweredError as error:
                self.record.answers[f"withdrawal: {error}"] += 1
                await asyncio.sleep(0.5)
                continue
            if answer.is_success:
                self.record.withdraws(identity_of(item), is_answered=True)
            else:
                self.record.refuses("withdrawal", item, answer.json())
            return

    async def _single(self, items: list[Item], key: str) -> Answers:
        answer = await self._post("/v1/submissions", json=items[0], headers={"Idempotency-Key": key})
        return [answer.json()]

    async def _array(self, items: list[Item], key: str) -> Answers:
        answer = await self._post("/v1/submissions", json=items, headers={"Idempotency-Key": key})
        return _each(answer.json(), len(items))

    async def _lines(self, items: list[Item], key: str) -> Answers:
        headers = {"Idempotency-Key": key, "Content-Type": "application/x-ndjson"}
        content = "\n".join(json.dumps(item) for item in items)
        answer = await self._post("/v1/submissions", content=content.encode(), headers=headers)
        try:
            found = [json.loads(line) for line in answer.text.splitlines()]
        except ValueError:
            raise NotAnsweredError("cut off") from None
        return _each({"items": [line for line in found if "summary" not in line]}, len(items))

    async def _request(self, items: list[Item], key: str) -> Answers:
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {self.key}"}
        body = json.dumps(items).encode()
        try:
            reply = await self.place.request(subjects.SUBMIT, body, headers, _PATIENCE_SECONDS)
        except (NatsError, OSError, TimeoutError) as error:
            raise NotAnsweredError(type(error).__name__) from None
        if (status := int(reply.headers[STATUS_HEADER])) in _FOR_LATER:
            raise NotAnsweredError(str(status))
        return _each(json.loads(reply.data), len(items))

    async def _workbook(self, items: list[Item], key: str) -> Answers:
        rows = [(item["unit"], item["period"], item["revision"], *item["readings"].values()) for item in items]
        params = {"confirmed": "true", "stage": items[0].get("stage", "reported")}
        # without a key: a file is recognised by its rows, since it also holds the moment at which it was written
        answer = await self._post("/v1/uploads", content=a_workbook(*rows, header=_HEADER), params=params)
        return _each(answer.json(), len(items))

    async def _post(self, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._client.post(f"{self.place.intake_url}{path}", **options)
        except httpx.TransportError as error:
            raise NotAnsweredError(type(error).__name__) from None
        if answer.status_code in _FOR_LATER:
            raise NotAnsweredError(_why(answer))
        return answer


def _why(answer: httpx.Response) -> str:
    """Return the status; beside it the code of the problem that says that the log has lost a content until a repair."""
    code = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else None
    return f"{answer.status_code} {code}" if code == Problems.LOG_DIFFERS.code else str(answer.status_code)


def _each(document: dict[str, Any], count: int) -> Answers:
    """Return the answer for each item; all have the whole document's problem where it has no items."""
    if "items" not in document:
        return [document] * count
    found: Answers = []
    for answer in document["items"]:
        problem = answer.get("problem")
        found.append(None if problem and problem.get("status") in _FOR_LATER else answer)
    return [*found, *[None] * (count - len(found))]
