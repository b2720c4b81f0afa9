"""The evidence of a running system: what it has stored, published, answered and told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from shared.contracts import subjects
from tests.faults.evaluate import Change, Evidence, Notice
from tests.faults.rules import CRITERION
from tests.faults.site import AGENCY, Site
from tests.waiting import eventually

_COMMUNES_MEETING = "poverty-communes"
_COMMANDS = (("audit", "verify"), ("rebuild", "--verify"))
_PATIENCE_SECONDS = 300
_FETCHED = 500


async def gather(site: Site) -> Evidence:
    """Return everything that the evaluation needs, of a system that has settled."""
    targets = (await site.get(f"{site.system.scoring_url}/v1/targets"))["items"]
    [target] = [one for one in targets if one["commitment"]["id"] == _COMMUNES_MEETING]
    statuses = await site.get(f"{site.system.scoring_url}/v1/statuses", criterion=CRITERION, limit=5000)
    failed = [(command, await site.ntm(*command)) for command in _COMMANDS]
    return Evidence(
        log=[json.loads(message.data) for message in await _messages(site, subjects.ALL_SUBMISSIONS)],
        receipts=await _receipts(site),
        statuses={item["unit"]["code"]: item["status"] for item in statuses["items"]},
        meeting=target["assessment"]["parts"][0]["value"] or 0,
        changes=[_change(message) for message in await _messages(site, subjects.ALL_STATUSES)],
        targets=[_change(message) for message in await _messages(site, subjects.ALL_TARGETS)],
        calls=site.gateways.calls,
        messages=site.gateways.messages,
        mails=site.gateways.mails,
        notices=await _notices(site),
        parked=[message.data.decode()[:300] for message in await _messages(site, subjects.ALL_PARKED)],
        failed_commands=[f"ntm {' '.join(command)}: {output[-1500:]}" for command, output in failed if output],
    )


async def settled(site: Site) -> None:
    """Wait until every consumer has had every message, and no notice is due."""
    left: list[str] = []

    async def is_settled() -> bool:
        left[:] = [line async for line in _left(site)]
        return not left

    await eventually(is_settled, _PATIENCE_SECONDS, lambda: f"still to do: {'; '.join(left)}")


async def _left(site: Site) -> AsyncIterator[str]:
    try:
        js = (await site.client("migrate")).jetstream(timeout=5)
        for families in subjects.CONSUMERS.values():
            for family, durable in families.items():
                info = await js.consumer_info(subjects.stream_of(family) or "", durable)
                if info.num_pending or info.num_ack_pending:
                    yield f"{durable}: {info.num_pending} pending, {info.num_ack_pending} not acknowledged"
    except (NatsError, JetStreamError, OSError, TimeoutError) as error:
        yield f"the broker: {error!r}"
    try:
        due, gathered, outgoing = await _left_in_database(site)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        yield f"the database: {error!r}"  # struck by another fault at this moment
        return
    if due or gathered or outgoing:
        yield f"{due} notices due, {gathered} alerts gathered, {outgoing} changes to publish"


async def _left_in_database(site: Site) -> tuple[int, int, int]:
    """Return how many notices are due, alerts are gathered and changes are to be published.

    What waits for the digest of the week does so longer than a run.
    """
    connection = await site.connection()
    try:
        return (
            await connection.fetchval("SELECT count(*) FROM notify.notice WHERE due_at IS NOT NULL"),
            await connection.fetchval(
                "SELECT count(*) FROM notify.gathered JOIN notify.gathering ON id = gathering "
                "WHERE waits IS DISTINCT FROM 'news'"
            ),
            await connection.fetchval("SELECT count(*) FROM scoring.outbox"),
        )
    finally:
        connection.terminate()


async def _messages(site: Site, family: str) -> list[Msg]:
    """Return all messages of a family of subjects, in order; a cluster may still elect a leader to tell them."""
    found: list[list[Msg]] = []

    async def is_read() -> bool:
        with suppress(NatsError, OSError, TimeoutError):
            found.append(await _read(site, family))
        return bool(found)

    await eventually(is_read, _PATIENCE_SECONDS, lambda: f"{family} cannot be read")
    return found[0]


async def _read(site: Site, family: str) -> list[Msg]:
    stream = subjects.stream_of(family)
    assert stream
    js = (await site.client("migrate")).jetstream(timeout=30)
    by_subject = (await js.stream_info(stream, subjects_filter=family)).state.subjects or {}
    number = sum(by_subject.values())
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=60)
    subscription = await js.pull_subscribe(family, stream=stream, config=config)
    try:
        messages: list[Msg] = []
        while len(messages) < number:
            messages += await subscription.fetch(min(_FETCHED, number - len(messages)), timeout=60)
        return messages
    finally:
        await subscription.unsubscribe()


async def _receipts(site: Site) -> dict[str, str]:
    """Return the status in each receipt of the load."""
    found: dict[str, str] = {}
    asked: dict[str, Any] = {"agency": AGENCY, "limit": 200}
    while True:
        page = await site.get(f"{site.intake_url}/v1/submissions", **asked)
        found.update({item["receipt"]["id"]: item["status"] for item in page["items"]})
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]


def _change(message: Msg) -> Change:
    body = json.loads(message.data)
    criterion = body["criterion"]["key"] if "criterion" in body else None
    return Change(
        body["id"], message.subject, body["before"], body["after"], criterion, body["unit"]["code"], body["cause"]
    )


async def _notices(site: Site) -> list[Notice]:
    connection = await site.connection()
    try:
        rows = await connection.fetch("SELECT channel, status, reason, request_id::text FROM notify.notice")
    finally:
        await connection.close()
    return [Notice(*row) for row in rows]
