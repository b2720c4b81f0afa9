"""What the answers of scoring cost, at the country's size: `python -m tests.bench.asking`, part of `make bench`.

8,000 communes with a year of figures; the state is made from the stream by a rebuild. Each question is asked for the
first time by a fresh process, again after a change, and then several times while nothing changes. Its time of the
processor is that of scoring and PostgreSQL together. The last rows come after the plan's closing.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import httpx

from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.reference.load import Reference
from tests.bench import country
from tests.bench.scoring import fill_all, made_from_stream, serving, system
from tests.bench.usage import Programs
from tests.changes import a_status_change
from tests.publishing import publish_all
from tests.running import START, Service, Surroundings

CLOSED = date(2024, 2, 1)
"""The day after the packaged plan's closing."""
AGAIN = 10
_ALL = "limit=5000"


class Question(NamedTuple):
    """A question in the words of the table, and its address."""

    name: str
    path: str


QUESTIONS = [
    Question("summary", "/v1/summary"),
    Question("summary with months", "/v1/summary?months=true"),
    Question("series of the province, poverty", "/v1/series?unit=20&criterion=ntm-11"),
    Question("series of the province, labour by men and women", "/v1/series?unit=20&criterion=ntm-12"),
    Question("series of a commune, a criterion", "/v1/series?unit=06280&criterion=ntm-11"),
    Question("series of the province, a commitment", "/v1/series?unit=20&commitment=poverty-communes"),
    Question("changes, a page", "/v1/changes"),
    Question("statuses, a page of 500", "/v1/statuses"),
    Question("statuses in short, 500", "/v1/statuses?form=short"),
    Question("statuses in short, one status", "/v1/statuses?form=short&criterion=ntm-11&status=not_met"),
    Question("statuses in short, overdue", "/v1/statuses?form=short&overdue=true"),
    Question("statuses in short, none such", "/v1/statuses?form=short&status=missed&overdue=true"),
    Question("statuses at a past day, a page of 500", "/v1/statuses?as_of=2023-06-30"),
    Question("targets", "/v1/targets"),
    Question("targets at a past day", "/v1/targets?as_of=2023-06-30"),
    Question("targets at another past day", "/v1/targets?as_of=2023-09-30"),
    Question("nearest", "/v1/nearest?criterion=ntm-11"),
    Question("map", "/v1/map?criterion=ntm-11"),
    Question("map with months", "/v1/map?criterion=ntm-11&months=true"),
]
IN_HINDSIGHT = Question("summary by all known now, with months", "/v1/summary?months=true&known=now")
AFTER_CLOSING = [
    Question("closed plan: targets", "/v1/targets"),
    Question("closed plan: summary with months", "/v1/summary?months=true"),
    Question("closed plan: series of the province, poverty", "/v1/series?unit=20&criterion=ntm-11"),
    Question("closed plan: series of the province, a commitment", "/v1/series?unit=20&commitment=poverty-communes"),
    Question("closed plan: statuses, a page of 500", "/v1/statuses"),
    IN_HINDSIGHT._replace(name=f"closed plan: {IN_HINDSIGHT.name}"),
]


class Cost(NamedTuple):
    """What an answer has cost."""

    milliseconds: float
    """Of the processor: scoring and PostgreSQL together."""
    seconds: float
    """Until it was there."""
    kilobytes: float
    """As it was sent: compressed."""


class Asking:
    """Asks a process of scoring, and measures."""

    def __init__(self, around: Surroundings, service: Service, client: httpx.AsyncClient) -> None:
        self._around, self._client = around, client
        self._programs = Programs(service)

    async def change(self) -> None:
        """Publish a change: whatever is kept of former answers ends."""
        await publish_all(self._around, a_status_change())
        await asyncio.sleep(1)

    async def cost(self, question: Question, times: int = 1) -> Cost:
        """Ask so many times, until the answer is whole, and return the mean."""
        sent, started, before = 0, time.perf_counter(), self._programs.usage()
        for _ in range(times):
            while True:
                async with self._client.stream("GET", question.path) as answer:
                    assert answer.status_code in (200, 202), await answer.aread()
                    sent += sum([len(part) async for part in answer.aiter_raw()])
                if answer.status_code == httpx.codes.OK:
                    break
        took = self._programs.usage().since(before)
        seconds = (time.perf_counter() - started) / times
        return Cost(1000 * (took.services + took.postgres) / times, seconds, sent / times / 1000)

    async def row(self, question: Question) -> None:
        """Print a question's row."""
        first = await self.cost(question)
        await self.change()
        changed = await self.cost(question)
        again = await self.cost(question, AGAIN)
        print(
            f"| {question.name} | {first.milliseconds:,.0f} ms | {changed.milliseconds:,.0f} ms | "
            f"{again.milliseconds:,.1f} ms | {1000 * first.seconds:,.0f} ms | {1000 * again.seconds:,.1f} ms | "
            f"{again.kilobytes:,.0f} kB |",
            flush=True,
        )


async def filled(around: Surroundings, reference: Reference, months: Sequence[str]) -> None:
    """Put figures of these months on the stream, and have the state made from them."""
    await fill_all(around, reference, months)
    await around.set_day(last_day(months))
    await made_from_stream(around, reference, last_day(months), switch=True)


def last_day(months: Sequence[str]) -> date:
    """Return the day on which the questions are asked: the figures of these months have come."""
    return max(START, country.last_day(list(months)))


async def measure(around: Surroundings, months: Sequence[str], asked: str) -> None:
    """Ask the questions whose name has these words, and print the table."""
    terms = Terms(rate_per_minute=1_000_000)
    key = await add_key(around.engine, "bench", "bench", ["20"], [EVERYTHING], terms)
    print(
        "| scoring's answers | first | after a change | again | first: waited | again: waited | sent |\n"
        "| --- | --- | --- | --- | --- | --- | --- |",
        flush=True,
    )
    for day, questions in ((last_day(months), [*QUESTIONS, IN_HINDSIGHT]), (CLOSED, AFTER_CLOSING)):
        if not any(asked in question.name for question in questions):
            continue
        await around.set_day(day)
        service = await serving(around, day)
        async with service.client(key) as client:
            client.timeout = httpx.Timeout(300)
            asking = Asking(around, service, client)
            for question in questions:
                if asked in question.name:
                    await asking.row(question)
        await service.stop()


async def main(communes: int, months: Sequence[str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with system(Path(folder), communes) as (around, reference):
            await filled(around, reference, months)
            await measure(around, months, asked)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--communes", type=int, default=country.COMMUNES)
    parser.add_argument("--months", type=int, default=len(country.MONTHS))
    parser.add_argument("--asked", default="", help="only questions with these words")
    given = parser.parse_args()
    asyncio.run(main(given.communes, country.MONTHS[: given.months], given.asked))
