"""`ntm migrate` and `ntm draft-migration`: bring streams and schemas up to date, and write a new migration."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import database, settings_of
from deploy.local.running_system import RunningSystem
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from shared.access.unsigned_parts import StreamEnd, record_unsigned_part, unsigned_parts
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.nats.closed_streams import reopen
from shared.nats.connection import connected
from shared.nats.consumers import ensure_consumers
from shared.nats.mirrors import Fault, MadeMirror, ensure_mirror_consumers, ensure_mirrors
from shared.nats.roles import MIGRATE, OFFICE_MIGRATE
from shared.nats.signing_keys import keys_of
from shared.nats.stream_reader import read_stream
from shared.nats.streams import NO_CLUSTER, NO_PEERS, NoRoomError, StreamChange, ensure_streams
from shared.nats.unreachable import BrokerUnusableError
from shared.nats.users import seed_file
from shared.postgres.engine import create_engine
from shared.postgres.locks import may_repair
from shared.postgres.migrations import draft_migration as write_draft
from shared.postgres.migrations import migrate as migrate_schema
from shared.postgres.migrations import pending_migrations
from shared.service.clock import clock_stream, read_day, set_day
from shared.service.proof import Proof
from shared.settings import Settings, settings
from shared.text import number_named
from shared.texts import filled
from shared.time import utc_now

SCHEMAS = {
    "access": "shared.access",
    "intake": "services.intake.storage",
    "scoring": "services.scoring.storage",
    "notify": "services.notify.storage",
}
"""The schemas, in the order in which they are migrated, and the packages that hold their tables and migrations."""

FAULTS = {
    Fault.AHEAD: phrase("migrate.mirror_ahead"),
    Fault.LACKING: phrase("migrate.mirror_lacking"),
    Fault.OLDER: phrase("migrate.mirror_older"),
    Fault.OTHER: phrase("migrate.mirror_other"),
}
"""The words on a mirror, behind its name."""

_SETTINGS = {
    "allow_atomic": phrase("migrate.setting_allow_atomic"),
    "allow_direct": phrase("migrate.setting_allow_direct"),
    "discard": phrase("migrate.setting_discard"),
    "duplicate_window": phrase("migrate.setting_duplicate_window"),
    "max_age": phrase("migrate.setting_max_age"),
    "max_bytes": phrase("migrate.setting_max_bytes"),
    "max_msgs_per_subject": phrase("migrate.setting_max_msgs_per_subject"),
    "num_replicas": phrase("migrate.setting_num_replicas"),
    "subjects": phrase("migrate.setting_subjects"),
}
"""The settings that `ensure_streams` keeps, by the names that NATS gives them."""

_UNITS = {
    "duplicate_window": phrase("migrate.value_seconds"),
    "max_age": phrase("migrate.value_seconds"),
    "max_bytes": phrase("migrate.value_bytes"),
}

_DISCARDS = {
    DiscardPolicy.NEW: phrase("migrate.value_discard_new"),
    DiscardPolicy.OLD: phrase("migrate.value_discard_old"),
}

_PRECISION = timedelta(milliseconds=1)
"""The libraries round a message's time, one way or another."""

_PATIENCE_SECONDS = 30
"""The time that a broker may take to start beside this command."""


def migrate(
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of a simulated clock that has no day yet.")
    ] = None,
    lower: Annotated[
        list[str], typer.Option(help="A stream that may keep less than now, such as fewer replicas.")
    ] = [],  # noqa: B006 - typer's way to say that an option may be repeated
    count_as_signed: Annotated[
        list[str], typer.Option(metavar="STREAM", help="Count all that the stream holds now as signed.")
    ] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option(help="Only show what would change.")] = False,
    data: Data = DATA,
) -> None:
    """Bring streams and schemas up to date, those that the environment (NTM_…) names or else the running system's."""
    target = settings() if "NTM_DATABASE_URL" in os.environ else _settings_of(system_of(data))
    if unknown := set(count_as_signed).difference(subjects.SIGNED):
        words = phrase("migrate.not_signed")
        raise fail(filled(words, streams=", ".join(sorted(unknown)), signed=", ".join(subjects.SIGNED)).in_both, 2)
    first_day = today.date() if today else None
    try:
        prepared = run(prepare(target, first_day, lower, count_as_signed=count_as_signed, dry_run=dry_run))
    except NoRoomError as error:
        raise fail(filled(phrase("migrate.store_too_small"), reason=error).in_both) from None
    for change in prepared.streams:
        _print_change(change)
    for stream, fault in prepared.mirrors:
        if fault is not None:
            words = filled(phrase("migrate.mirror"), stream=stream, fault=FAULTS[fault])
            console.print(words.in_both, style="yellow", highlight=False)
    for migration in prepared.migrations:
        console.print(filled(phrase("migrate.migrated"), migration=migration).in_both, highlight=False)


def _settings_of(system: RunningSystem) -> Settings:
    """Return the settings by which the running system is migrated, as the users for that."""
    found = settings_of(system, MIGRATE.name)
    if system.nats_users is None:
        return found
    return found.model_copy(update={"nats_office_seed_file": seed_file(system.nats_users, OFFICE_MIGRATE.name)})


@dataclass(frozen=True, slots=True)
class Prepared:
    """The changes that a migration made, or would make."""

    streams: Sequence[StreamChange]
    mirrors: Sequence[MadeMirror]
    migrations: Sequence[str]
    """Each is the schema's name with the number and the name of a migration."""


async def prepare(
    target: Settings,
    today: date | None,
    lower: Collection[str] = (),
    *,
    count_as_signed: Collection[str] = (),
    dry_run: bool = False,
) -> Prepared:
    """Make the streams and schemas that the services need, and set a simulated clock without a day to `today`.

    `lower` names the streams that may keep less than before. What streams hold when this first runs with keys counts as
    signed, up to the first message that is signed, and on those of `count_as_signed` all that they hold now. With
    `dry_run` nothing is changed.
    """
    engine = create_engine(target, "migrate")
    try:
        async with connected(target, "ntm-migrate", _PATIENCE_SECONDS) as nats:
            if not dry_run:
                await _open_streams(engine, nats)
            store = target.nats_store_bytes
            changes = await prepare_streams(
                nats, target.stream_replicas, today, lower, store_bytes=store, dry_run=dry_run
            )
            mirrors = await _prepare_mirrors(target, nats, dry_run=dry_run)
            migrations = []
            for schema, package in SCHEMAS.items():
                migrations += [f"{schema}: {name}" for name in await pending_migrations(engine, package)]
                if not dry_run:
                    await migrate_schema(engine, package)
            if not dry_run and target.signing_keys is not None:
                await _record_unsigned_parts(engine, nats, count_as_signed)
        return Prepared(changes, mirrors, migrations)
    finally:
        await engine.dispose()


async def _open_streams(engine: AsyncEngine, nats: Client) -> None:
    """Open the streams that a repair has left closed which was cut off; a repair that runs keeps them closed."""
    async with engine.connect() as connection:
        if await may_repair(connection):
            for stream in (*subjects.KEPT, *subjects.KEPT_A_YEAR):
                await _once_led(partial(reopen, nats.jetstream(), stream))


async def _prepare_mirrors(target: Settings, nats: Client, *, dry_run: bool) -> Sequence[MadeMirror]:
    """Make the office's mirrors that are missing or faulty."""
    if target.nats_office_seed_file is None:
        return []
    of_office = target.model_copy(update={"nats_seed_file": target.nats_office_seed_file})
    async with connected(of_office, "ntm-migrate-office", _PATIENCE_SECONDS) as office:
        return await _once_led(
            lambda: ensure_mirrors(
                nats, office, target.stream_replicas, store_bytes=target.nats_store_bytes, dry_run=dry_run
            )
        )


async def prepare_streams(
    nats: Client,
    replicas: int | None,
    today: date | None,
    lower: Collection[str] = (),
    *,
    store_bytes: int | None = None,
    dry_run: bool = False,
) -> Sequence[StreamChange]:
    """Make the streams that the services need, and set a simulated clock without a day to `today`."""
    js = nats.jetstream()
    changes = await _once_led(lambda: ensure_streams(js, replicas, lower, store_bytes=store_bytes, dry_run=dry_run))
    if not dry_run:
        await _once_led(lambda: ensure_consumers(js))
        await _once_led(lambda: ensure_mirror_consumers(nats))
    if today and not dry_run:
        await _once_led(lambda: _start_clock(js, today, replicas))
    return changes


async def _start_clock(js: JetStreamContext, today: date, replicas: int | None) -> None:
    """Make the stream of a simulated clock, as safe as the others, and set a clock without a day."""
    wanted = clock_stream(replicas)
    try:
        existing = (await js.stream_info(subjects.CLOCK_STREAM)).config
    except NotFoundError:
        await js.add_stream(wanted)
    else:
        if (wanted.num_replicas or 0) > (existing.num_replicas or 1):
            await js.update_stream(existing.evolve(num_replicas=wanted.num_replicas))
    if await read_day(js) is None:
        await set_day(js, today)


async def _record_unsigned_parts(engine: AsyncEngine, nats: Client, again: Collection[str]) -> None:
    """Record where the part of each signed stream ends that needs no signature: once, or `again` where it ends now."""
    async with engine.connect() as connection:
        recorded = await unsigned_parts(connection)
    keys = keys_of(nats)
    for stream in subjects.SIGNED:
        if stream in again:
            end = await _end(nats, stream)
        elif stream not in recorded:
            # a database from before signing began may stand beside a stream that goes on behind it
            end = await _before_first_signed(nats, stream, Proof(keys, {})) or await _end(nats, stream)
        else:
            continue
        async with engine.begin() as connection:
            await record_unsigned_part(connection, stream, end, again=stream in again)


async def _before_first_signed(nats: Client, stream: str, proof: Proof) -> StreamEnd | None:
    """Return where a stream's signed part begins; None where it holds no signed message."""
    async for batch in read_stream(nats, stream, ">"):
        for message in proof.proved(batch):
            return StreamEnd(message.metadata.sequence.stream - 1, message.metadata.timestamp)
    return None


async def _end(nats: Client, stream: str) -> StreamEnd:
    """Return where a stream ends now."""
    js = nats.jetstream()
    sequence = (await js.stream_info(stream)).state.last_seq
    try:
        at = (await js.get_msg(stream, sequence)).time if sequence else None
    except NotFoundError:  # it was removed
        at = None
    return StreamEnd(sequence, (at or utc_now()) + _PRECISION)


async def _once_led[T](work: Callable[[], Awaitable[T]]) -> T:
    """Do the work, again where a cluster is not ready: it has lost a server and elects leaders, or forms still."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        try:
            return await work()
        except (NatsTimeoutError, APIError) as error:
            is_forming = not isinstance(error, APIError) or _is_forming(error)
            if not is_forming or asyncio.get_running_loop().time() > deadline:
                if isinstance(error, APIError) and error.err_code in {NO_CLUSTER, NO_PEERS}:
                    raise BrokerUnusableError(phrase("migrate.too_few_servers")) from error
                raise
            await asyncio.sleep(0.2)


def _is_forming(error: APIError) -> bool:
    return isinstance(error, ServiceUnavailableError) or error.err_code == NO_PEERS


def _print_change(change: StreamChange) -> None:
    line = filled(
        phrase("migrate.changed"),
        stream=change.stream,
        what=_SETTINGS[change.setting],
        setting=change.setting,
        before=_value(change.setting, change.before),
        after=_value(change.setting, change.after),
    )
    if change.is_made:
        console.print(line.in_both, highlight=False, markup=False)
    else:
        if change.has_room:
            kept = filled(phrase("migrate.kept"), change=line, stream=change.stream)
        else:
            kept = filled(phrase("migrate.no_room"), change=line)
        console.print(kept.in_both, style="yellow", highlight=False, markup=False)


def _value(setting: str, value: Any) -> Bilingual:
    """Return what a stream's setting is, for people. NATS says 0 or -1, or nothing, where there is no limit."""
    match value:
        case str() if setting == "discard":
            return _DISCARDS[DiscardPolicy(value)]
        case bool():
            return phrase("migrate.value_yes") if value else phrase("migrate.value_no")
        case str():
            return Bilingual(vi=value, en=value)
        case list() | tuple() if value:
            return _value(setting, ", ".join(value))
        case int() | float() if value > 0:
            unit = _UNITS.get(setting)
            return filled(unit, number=number_named(value)) if unit else number_named(value)
        case _:
            return phrase("migrate.value_none")


def draft_migration(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.")],
    name: Annotated[str, typer.Argument(help="What the migration does, in a few words.")],
    data: Data = DATA,
) -> None:
    """Draft the migration that brings the running system's database to a service's tables."""
    if service not in SCHEMAS or not name:
        raise fail(filled(phrase("migrate.draft_names"), services=", ".join(SCHEMAS)).in_both, 2)

    async def work() -> None:
        async with database(system_of(data)) as engine:
            await write_draft(engine, SCHEMAS[service], name)

    run(work())
