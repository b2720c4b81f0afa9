"""Follow the changes from NATS: the current picture first, then each change, in order, also after a break.

    python follow_nats.py nats://127.0.0.1:4222 office.nk place.txt

Prints a line for each change: its id and its content. `place.txt` keeps how far it has come. Nothing is left out. A
follower that is killed after it has printed a change and before it has kept its place prints the change once more at
its next start, with the same id: whoever acts on a change keeps its id in the same transaction, and skips ids that
stand there.
"""

import asyncio
import json
import sys
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

CHANGES = ["ntm.*.status.>", "ntm.v2.targets.>"]
"""Communes' criteria and the commitments of districts and the province: each change once. (`ntm.v1.targets.>` has those
of the plan in force once more, with the same `id` in the body.)"""


def kept(place: Path) -> int:
    """Return the sequence number of the last change that was taken; 0 before the first start."""
    return int(place.read_text()) if place.exists() else 0


def begin(last: int) -> ConsumerConfig:
    """Begin behind the kept place; without one with the newest change of each criterion and of each commitment."""
    if not last:
        return ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, filter_subjects=CHANGES)
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=last + 1, filter_subjects=CHANGES
    )


def take(message: Msg, place: Path) -> None:
    """Print a change, and keep its place. The file holds one whole number, whenever the follower is killed."""
    try:
        print(json.loads(message.data)["id"], message.data.decode(), flush=True)
    except (ValueError, KeyError, TypeError):  # nothing that scoring has sent, and no reason to stand still
        print(f"{message.subject}: cannot be read", file=sys.stderr)
    new = place.with_name(f"{place.name}.new")
    new.write_text(str(message.metadata.sequence.stream))
    new.replace(place)


async def main(url: str, seed: str, place: Path) -> None:
    """Take what comes, without an end; while the broker is away, wait for it."""
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix="_INBOX_office", max_reconnect_attempts=-1)
    newest = kept(place)
    changes = await client.jetstream().subscribe("ntm.>", stream="STATUS", ordered_consumer=True, config=begin(newest))
    async for message in changes.messages:
        number = message.metadata.sequence.stream
        if number > newest:  # nats-py begins again at the first message where a break comes before any message has
            newest = number
            take(message, place)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
