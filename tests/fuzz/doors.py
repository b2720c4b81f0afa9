"""The doors that take JSON, each with an endless supply of bad input."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import nkeys
from nats.errors import Error as NatsError

from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.nats.users import seed_file
from tests.fuzz import hostile, sound
from tests.fuzz.verdict import document_faults, faults_of, item_faults, language_of
from tests.fuzz.wire import Answer, Connection, Sent
from tests.running import Service, Surroundings
from tests.servers import TESTER

NDJSON = "application/x-ndjson"
_RARE = 0.03
_SEEN_LIMIT = 2000


@dataclass
class Seen:
    """Ids of some accepted and refused items, which the streams have to contain."""

    every: int
    receipts: list[UUID] = field(default_factory=list)
    refusals: list[UUID] = field(default_factory=list)
    _count: int = 0

    def note(self, answer: Any) -> None:
        """Keep the ids of every `every`th answer."""
        self._count += 1
        if self._count % self.every or len(self.receipts) + len(self.refusals) > _SEEN_LIMIT:
            return
        if answer.get("status") == "accepted":
            self.receipts.append(UUID(answer["id"]))
        elif (place := answer.get("instance")) is not None:
            self.refusals.append(UUID(place.rpartition("/")[2]))


@dataclass
class Place:
    """The place of the doors: a running intake, and keys for the province and for one district."""

    around: Surroundings
    intake: Service
    keys: tuple[str, ...]
    seen: Seen

    @classmethod
    async def open(cls, around: Surroundings, every: int) -> Place:
        """Start an intake for these doors alone."""
        terms = Terms(rate_per_minute=10_000_000)
        keys = [await add_key(around.engine, name, name, [code], [EVERYTHING], terms) for name, code in _AGENCIES]
        return cls(around, await around.start("intake"), tuple(keys), Seen(every))

    @property
    def process_id(self) -> int:
        """The process of intake."""
        assert self.intake.process
        return self.intake.process.pid


_AGENCIES = (("fuzz-province", "20"), ("fuzz-district", "184"))


class Door:
    """A door of intake. Its inputs follow from the random numbers alone, so that a failure can be repeated."""

    name: str
    workers = 16

    def __init__(self, place: Place) -> None:
        self.place = place
        self._connections = [Connection(place.intake.port) for _ in range(self.workers)]

    async def open(self) -> None:
        """Prepare the things that the inputs refer to."""

    def make(self, random: Random) -> Sent:
        """Return an input."""
        raise NotImplementedError

    async def ask(self, worker: int, sent: Sent) -> Answer:
        """Send the input; return the service's answer."""
        return await self._connections[worker].ask(sent)

    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        """Return the errors of the answer."""
        yield from faults_of(sent, answer)

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def key(self, random: Random) -> bytes:
        """Return a key: mostly the province's."""
        return b"Bearer " + self.place.keys[random.random() < 0.2].encode()

    def headers(self, random: Random, content_type: bytes = b"application/json") -> tuple[tuple[str, bytes], ...]:
        """Return headers: mostly sound, now and then hostile."""
        headers: dict[str, bytes] = {"Authorization": self.key(random), "Content-Type": content_type}
        if random.random() < 0.2:
            headers["Accept-Language"] = b"en"
        if random.random() < _RARE:
            headers["Idempotency-Key"] = random.choice(
                (hostile.header(random), b"again", b"%d" % random.randrange(9999))
            )
        if random.random() < _RARE:
            headers[random.choice(hostile.HEADERS)] = hostile.header(random)
        return tuple(headers.items())


class Submissions(Door):
    """`POST /v1/submissions` with an object or an array."""

    name = "json"
    target = "/v1/submissions"

    def make(self, random: Random) -> Sent:
        return Sent(self.body(random), "POST", self.target, self.headers(random))

    def body(self, random: Random) -> bytes:
        """Return a submission or an array of them, spoilt."""
        return spoilt(random, self.tree(random))

    def tree(self, random: Random) -> Any:
        """Return a sound submission or an array of them, before `body` spoils it."""
        if random.random() < 0.8:
            return sound.submission(random)
        return [sound.submission(random) for _ in range(random.choice((0, 1, 2, 3, 5)))]

    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        yield from faults_of(sent, answer)
        if answer.headers.get("content-type") == NDJSON:
            yield from self._line_faults(sent, answer)
        elif answer.status in (202, 403, 422):
            yield from self._item_faults(sent, answer)

    def _item_faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        document = json.loads(answer.body)
        items = document.get("items", [document] if answer.status == 202 else [])
        for item in items:
            self.place.seen.note(item.get("problem", item))
            if answer.status == 202:
                yield from item_faults(item, language_of(sent))
        if "items" not in document and answer.status != 202:
            self.place.seen.note(document)
            if "instance" not in document and document["errors"][0]["pointer"]:
                yield "a refusal without a record"

    def _line_faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        *items, last = [json.loads(line) for line in answer.body.splitlines()]
        language = language_of(sent)
        for item in items:
            self.place.seen.note(item.get("problem", item))
            yield from item_faults(item, language)
        if "problem" in last:
            yield from document_faults(last["problem"], answer.status, language)
        lines = sum(1 for line in sent.body.split(b"\n") if line.strip())
        if not lines == len(items) == sum(last["summary"].values()):
            yield f"{lines} lines, {len(items)} answers, {last['summary']}"


def spoilt(random: Random, tree: Any) -> bytes:
    """Return JSON that was changed, written badly or damaged; now and then it stays sound."""
    bends = random.choice((0, 0, 1, 1, 1, 2, 4))
    body = hostile.written(random, hostile.bent(random, tree, bends))
    return hostile.damaged(random, body) if random.random() < 0.2 else body


class Lines(Submissions):
    """`POST /v1/submissions` with one submission on each line."""

    name = "ndjson"
    workers = 12

    def make(self, random: Random) -> Sent:
        lines = [self.line(random) for _ in range(random.choice((0, 1, 1, 2, 3, 8)))]
        body = random.choice((b"\n", b"\n", b"\n", b"\r\n", b"\n\n \n")).join(lines) + random.choice((b"\n", b""))
        return Sent(body, "POST", self.target, self.headers(random, NDJSON.encode()))

    def line(self, random: Random) -> bytes:
        """Return one submission; now and then another value."""
        if random.random() < 0.002:
            return b'{"unit":"' + b"x" * random.choice((262_100, 262_144, 700_000)) + b'"}'
        return spoilt(random, sound.submission(random))


class Requests(Submissions):
    """The NATS request `ntm.v1.intake.submit`."""

    name = "nats"
    workers = 24

    async def open(self) -> None:
        """Send what no NATS client would send: intake has to answer the next requests all the same."""
        url = urlsplit(self.place.around.settings.nats_url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        greeting = json.loads((await reader.readline()).removeprefix(b"INFO "))
        user = nkeys.from_seed(bytearray(seed_file(self.place.around.users, TESTER).read_bytes()))
        signature = urlsafe_b64encode(user.sign(greeting["nonce"].encode())).decode().rstrip("=")
        login = {"headers": True, "verbose": False, "nkey": user.public_key.decode(), "sig": signature}
        writer.write(b"CONNECT " + json.dumps(login).encode() + b"\r\n")
        for head in (
            b"",
            b"x",
            b"NATS/1.0",
            b"NATS/1.0 \xff\xff\xff\r\n\r\n",
            b"NATS/1.0\r\n\xff: \xff\r\n: \r\nno colon",
        ):
            size = b"%d %d" % (len(head), len(head) + 2)
            writer.write(b"HPUB %s answers.to %s\r\n%s{}\r\n" % (subjects.SUBMIT.encode(), size, head))
        writer.write(b"PUB %s answers.\xff\xfe 2\r\n{}\r\nPING\r\n" % subjects.SUBMIT.encode())
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()

    async def ask(self, worker: int, sent: Sent) -> Answer:
        nats = self.place.around.nats
        headers = {name: value.decode("latin-1") for name, value in sent.headers}
        try:
            reply = await nats.request(subjects.SUBMIT, sent.body, timeout=20, headers=headers)
        except NatsError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        found = {name.lower(): value for name, value in (reply.headers or {}).items()}
        return Answer(int(found["status"]), reply.data, found)


class Difficulties(Door):
    """`POST /v1/problems` and answers to them."""

    name = "problems"
    _known: tuple[str, ...] = ()

    async def open(self) -> None:
        known = []
        for number in range(20):
            body = json.dumps(sound.report(Random(number))).encode()  # noqa: S311
            headers = (
                ("Authorization", b"Bearer " + self.place.keys[0].encode()),
                ("Content-Type", b"application/json"),
                ("Idempotency-Key", b"known %d" % number),
            )
            known.append(json.loads((await self.ask(0, Sent(body, "POST", "/v1/problems", headers))).body)["id"])
        self._known = tuple(known)

    def make(self, random: Random) -> Sent:
        target, tree = "/v1/problems", sound.report(random)
        if random.random() < 0.4:
            target = f"/v1/problems/{some_id(random, self._known)}/answers"
            tree = {"words": "Đã bố trí.", "closes": random.random() < 0.01}
        return Sent(spoilt(random, tree), "POST", target, self.headers(random))


class Reviews(Door):
    """`POST /v1/submissions/{id}/review`."""

    name = "review"
    _known: tuple[str, ...] = ()

    async def open(self) -> None:
        items = [
            {"unit": unit, "period": "2020-01", "readings": {"households": 1204, "poor_households": 9}}
            for unit in sound.COMMUNES[:100]
        ]
        headers = (("Authorization", b"Bearer " + self.place.keys[0].encode()), ("Content-Type", b"application/json"))
        answer = await self.ask(0, Sent(json.dumps(items).encode(), "POST", "/v1/submissions", headers))
        self._known = tuple(item["id"] for item in json.loads(answer.body)["items"])

    def make(self, random: Random) -> Sent:
        tree = {"decision": random.choice(("verified", "confirmed", "returned"))}
        if tree["decision"] == "returned" or random.random() < 0.1:
            tree["reason"] = "Số hộ nghèo chưa trừ 3 hộ đã chuyển đi."
        target = f"/v1/submissions/{some_id(random, self._known)}/review"
        return Sent(spoilt(random, tree), "POST", target, self.headers(random))


def some_id(random: Random, known: tuple[str, ...]) -> str:
    """Return the id of a submission: mostly of an existing one."""
    if random.random() < 0.8:
        return random.choice(known)
    if random.random() < 0.3:
        return str(UUID(bytes=random.randbytes(16)))
    return quote(hostile.text(random).encode(errors="surrogatepass"), safe="") or "-"
