"""Follow the changes of many provinces from the national server: what each has told so far, then each change, in order.

    python follow_provinces.py nats://127.0.0.1:4222 national.nk places 20 25

Prints a line for each change: the province's code, the change's id, its subject and its content. `places` keeps a file
for each province with the number of the last change that was taken. Nothing is left out, while a province or the
national server is away neither: what comes later, comes then. A follower that is killed after it has printed a change
and before it has kept its place prints the change once more at its next start: whoever acts on changes keeps province
and id in the same transaction, and skips what stands there. Where a province's own stream was made anew, its numbers
begin again: remove its place. Communes of two provinces may have one code, and two changes one id: both count within
their province.
"""

import asyncio
import json
import sys
from pathlib import Path
from uuid import uuid4

import nats
from nats.aio.msg import Msg
from nats.errors import Error
from nats.errors import TimeoutError as NothingYet
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy


def kept(place: Path) -> int:
    """Return the number of the last change that was taken; 0 before the first start."""
    return int(place.read_text()) if place.exists() else 0


def take(province: str, message: Msg, place: Path) -> None:
    """Print a change, and keep its place. The file holds one whole number, whenever the follower is killed."""
    try:
        print(province, json.loads(message.data)["id"], message.subject, message.data.decode(), flush=True)
    except (ValueError, KeyError, TypeError):  # nothing that scoring has sent, and no reason to stand still
        print(f"{message.subject}: cannot be read", file=sys.stderr)
    new = place.with_name(f"{place.name}.new")
    new.write_text(str(message.metadata.sequence.stream))
    new.replace(place)


async def follow(streams: JetStreamContext, province: str, place: Path) -> None:
    """Take a province's changes behind the kept place, until its mirror or the connection breaks."""
    stream, newest = f"STATUS_{province}", kept(place)
    name = f"follow-{uuid4().hex}"
    config = ConsumerConfig(
        name=name,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=newest + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=60,
    )
    await streams.add_consumer(stream, config)
    changes = await streams.pull_subscribe_bind(name, stream)
    while True:
        try:
            for message in await changes.fetch(100, timeout=5):
                # a server that was killed may have to catch up with us, or have forgotten what it has given us
                if (number := message.metadata.sequence.stream) > newest:
                    take(province, message, place)
                    newest = number
        except NothingYet:  # nothing new, or nobody there who would tell
            await streams.consumer_info(stream, name)


async def follow_for_ever(streams: JetStreamContext, province: str, place: Path) -> None:
    """Follow a province, again behind the kept place after a break."""
    while True:
        try:
            await follow(streams, province, place)
        except Error as error:  # no mirror yet, or one that is made anew, or the server is away
            print(f"{province}: {error or type(error).__name__}", file=sys.stderr)
            await asyncio.sleep(1)


async def main(url: str, seed: str, places: Path, *provinces: str) -> None:
    """Take what comes, without an end; while the server is away, wait for it."""
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix="_INBOX_national", max_reconnect_attempts=-1)
    async with asyncio.TaskGroup() as following:
        for province in provinces:
            following.create_task(follow_for_ever(client.jetstream(prefix="national.api"), province, places / province))


if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(exist_ok=True)
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:]))
