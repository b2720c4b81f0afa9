"""The use cases: back a running system up, and restore it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.backup import database, files, streams
from shared.backup.archive import parts, written
from shared.backup.errors import NoEvidenceStoreError, NotEmptyError, ServicesRunError, StreamsLostError
from shared.backup.manifest import Manifest
from shared.contracts import subjects
from shared.object_store import ObjectStore
from shared.time import utc_now

type Side = Literal["database", "streams"]


class Source(NamedTuple):
    """A running system that is backed up."""

    engine: AsyncEngine
    nats: Client
    schemas: Sequence[str]
    clock: Literal["real", "simulated"]
    kind: str | None
    store: ObjectStore | None
    file_names: Callable[[], Awaitable[Mapping[str, str]]]
    """Tells the names of the files that evidence has, by digest."""


class Target(NamedTuple):
    """The parts into which a backup is restored, while no service runs."""

    engine: AsyncEngine
    nats: Client
    packages: Mapping[str, str]
    """By schema: the package with its migrations."""
    replicas: int | None
    store: ObjectStore | None


async def back_up(source: Source, file: Path, recipients: list[str]) -> Manifest:
    """Write a backup while the system runs: the database first, then the streams, which are then never behind it.

    The files of evidence come last: each is in its store before a message names it.

    The positions of the consumers are read before: whatever the database lacks comes again from the streams.
    """
    with written(file, recipients) as archive:
        consumers = await streams.positions(source.nats)
        made_at = utc_now()
        of_database = await database.dump(source.engine, source.schemas, archive)
        of_streams = await streams.dump(source.nats, archive)
        kept, lacking = await files.dump(source.store, await source.file_names(), archive)
        manifest = Manifest(
            format=2 if kept else 1,
            program=version("ntm-coordination"),
            made_at=made_at,
            clock=source.clock,
            kind=source.kind,
            heads=of_database.heads,
            tables=of_database.tables,
            sequences=of_database.sequences,
            consumers=consumers,
            streams=of_streams,
            evidence=kept,
            evidence_lacking=lacking,
            members=archive.members,
        )
        archive.finish(manifest)
    return manifest


async def check_target(
    target: Target, sides: Sequence[Side], manifest: Manifest, *, replace: bool, accept_loss: bool
) -> None:
    """Refuse a target where services run (ServicesRunError) or, unless it is to be replaced, that holds data.

    StreamsLostError, unless that is accepted, where the streams are to stay, and are not those of the backup any more:
    the services would begin with empty ones.
    """
    if manifest.evidence and target.store is None:
        raise NoEvidenceStoreError(len(manifest.evidence))
    if running := await database.connected_services(target.engine, list(subjects.CONSUMERS)):
        raise ServicesRunError(", ".join(running))
    if "streams" not in sides and not accept_loss:
        held = await streams.messages_in(target.nats)
        if lost := [each.name for each in manifest.streams if held.get(each.name, -1) < each.last_sequence]:
            raise StreamsLostError(", ".join(lost))
    if replace:
        return
    if "database" in sides and (rows := await database.rows_in(target.engine, list(target.packages))):
        raise NotEmptyError(", ".join(f"{table}: {number:,}" for table, number in rows.items()))
    if "streams" in sides and (
        held := {stream: last for stream, last in (await streams.messages_in(target.nats)).items() if last}
    ):
        raise NotEmptyError(", ".join(f"{stream}: {last:,}" for stream, last in held.items()))


async def restore(target: Target, file: Path, identity: Path | None, sides: Sequence[Side], manifest: Manifest) -> None:
    """Restore the database, the streams, or both, of a backup that was verified, onto a target that was checked.

    Its versions were checked too.
    """
    members = parts(file, identity)
    first = next(members, None)
    if "database" in sides:
        first = await database.restore(target.engine, target.packages, manifest, first, members)
    if "streams" in sides:
        await streams.restore(target.nats, manifest.streams, first, members, target.replicas)
    if target.store and manifest.evidence:
        await files.restore(target.store, parts(file, identity))
