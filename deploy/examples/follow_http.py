"""Follow the changes by HTTP, as server-sent events: each change from the first start on, in order, also after a break.

    NTM_KEY=ntm_… python follow_http.py http://127.0.0.1:8002 place.txt

Prints a line for each change: its id and its content. `place.txt` keeps how far it has come. Nothing is left out. A
follower that is killed after it has printed changes and before it has kept their place prints them once more at its
next start, with the same ids: whoever acts on a change keeps its id in the same transaction, and skips ids that stand
there.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

LONGEST_PAUSE_SECONDS = 10.0


class Frame(NamedTuple):
    """A server-sent event: `changes`, or `reset` where more was missed than the service sends."""

    event: str
    id: str
    """The number behind which to go on."""
    data: dict[str, Any]


async def newest(client: httpx.AsyncClient, url: str) -> str:
    """Return the number of the newest change, to go on behind."""
    answer = await client.get(f"{url}/v1/changes", params={"limit": 1})
    return str(answer.raise_for_status().json()["live_after"])


async def follow(
    client: httpx.AsyncClient, url: str, place: str, broken: Callable[[str], None]
) -> AsyncIterator[Frame]:
    """Yield the frames behind a place, without an end: after a break it connects again, and goes on behind the last.

    `broken` hears the reason of each break. httpx.HTTPStatusError where the service refuses, as it does an ended key.
    """
    pause = 1.0
    while True:
        try:
            behind = {"Last-Event-ID": place}
            async with client.stream("GET", f"{url}/v1/changes/live", headers=behind) as answer:
                if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    await answer.aread()
                    answer.raise_for_status()
                if answer.is_success:
                    async for frame in frames(answer.aiter_lines()):
                        place, pause = frame.id, 1.0
                        yield frame
            reason = "end of the stream" if answer.is_success else f"HTTP {answer.status_code}"
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
        broken(reason)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def frames(lines: AsyncIterator[str]) -> AsyncIterator[Frame]:
    """Yield the events that stand in the lines, whole ones only; lines that only keep the connection alive are none."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "id" in fields:
            yield Frame(fields.get("event", ""), fields["id"], json.loads(fields.get("data", "{}")))
        fields = {}


def kept(place: Path) -> str | None:
    """Return how far the follower has come; None before its first start."""
    return place.read_text() if place.exists() else None


def keep(place: Path, number: str) -> None:
    """Keep how far the follower has come. Whenever it is killed, the file holds one whole number."""
    new = place.with_name(f"{place.name}.new")
    new.write_text(number)
    new.replace(place)


def take(frame: Frame) -> None:
    """Print the changes of a frame."""
    for change in frame.data.get("items", []):
        print(change["id"], json.dumps(change, ensure_ascii=False), flush=True)
    for number in frame.data.get("unreadable", []):
        say(f"change {number} is damaged in scoring's database")
    if frame.event == "reset":
        say("too far behind: read /v1/statuses and /v1/targets again")


def say(words: str) -> None:
    """Print what is no change."""
    print(words, file=sys.stderr, flush=True)


async def main(url: str, place: Path) -> None:
    """Take what comes, and keep the number of the newest frame in a file."""
    key = {"Authorization": f"Bearer {os.environ['NTM_KEY']}"}
    async with httpx.AsyncClient(headers=key, timeout=60) as client:
        if (begins := kept(place)) is None:
            keep(place, begins := await newest(client, url))
        async for frame in follow(client, url, begins, broken=say):
            take(frame)
            keep(place, frame.id)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
