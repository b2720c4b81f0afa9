"""Follow the changes from NATS: the current picture first, then each change; after a break nothing is lost or doubled.

    python follow_nats.py nats://127.0.0.1:4222 office.nk place.txt

Prints a line for each change: the event's id and its content. `place.txt` keeps how far it has come.
"""

import asyncio
import sys
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy


def begin(place: Path) -> ConsumerConfig:
    """Begin behind the kept place; without one with the newest change of each criterion of each commune."""
    if not place.exists():
        return ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT)
    return ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=int(place.read_text()) + 1)


def take(message: Msg, place: Path) -> None:
    """Print a change, and keep its place. Cut off between the two it comes once more, with the same id."""
    print((message.headers or {})["ce-id"], message.data.decode(), flush=True)
    place.write_text(str(message.metadata.sequence.stream))


async def main(url: str, seed: str, place: Path) -> None:
    """Take what comes."""
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix="_INBOX_office")
    changes = await client.jetstream().subscribe(
        "ntm.v1.status.>", stream="STATUS", ordered_consumer=True, config=begin(place)
    )
    async for message in changes.messages:
        take(message, place)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
