"""Versions of the reference data on the stream REFERENCE: installing one, reading them, loading one.

The number of a version is its message's number in the stream. Version 0 are the files that a service was started with;
it holds until a version is installed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from nats.aio.client import Client
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from shared.contracts import subjects
from shared.contracts.reference_version import ReferenceVersion
from shared.nats.cloud_events import cloud_event
from shared.nats.publishing import publish_next
from shared.reference.archive import (
    SAMPLE_COHORTS,
    DamagedArchiveError,
    Files,
    digest_of,
    pack,
    read_files,
    unpack,
    write_files,
)
from shared.reference.load import PACKAGED, InvalidReferenceError, Plans, load_for
from shared.service.proof import UNSIGNED, Proof
from shared.settings import Settings
from shared.stable_id import stable_id


class UnusableVersionError(Exception):
    """An installed version that this program cannot load; it goes on with the one that it has."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed version with its number."""

    number: int
    version: ReferenceVersion


async def newest_number(nats: Client) -> int:
    """Return the number of the newest version; 0 where none was installed."""
    try:
        return (await nats.jetstream().stream_info(subjects.REFERENCE_STREAM)).state.last_seq
    except NotFoundError:  # a system that was not migrated yet
        return 0


async def version_at(nats: Client, number: int, proof: Proof) -> Installed:
    """Return the version of a number; UnusableVersionError where there is none that is proved and can be read."""
    try:
        message = await nats.jetstream().get_msg(subjects.REFERENCE_STREAM, number)
    except NotFoundError as error:
        raise UnusableVersionError(f"version {number} is not in the stream") from error
    if fault := proof.fault_of_kept(subjects.REFERENCE_STREAM, message):
        raise UnusableVersionError(f"version {number} is {fault}")
    try:
        version = ReferenceVersion.model_validate_json(message.data or b"")
    except ValidationError as error:
        raise UnusableVersionError(f"version {number}: {error.error_count()} faults in its message") from error
    if version.id != _id_after(number - 1, version.digest, version.author, version.reason):
        raise UnusableVersionError(f"version {number} is {UNSIGNED}its message was installed as another version")
    return Installed(number, version)


def _id_after(after: int, digest: str, author: str, reason: str) -> UUID:
    """Return the id of the version after a number: an old one that is published again cannot stand for the newest."""
    return stable_id("reference", after, digest, author, reason)


async def all_versions(nats: Client, proof: Proof) -> Sequence[Installed]:
    """Return all versions, oldest first; those that this program cannot read are left out."""
    versions = []
    for number in range(1, await newest_number(nats) + 1):
        try:
            versions.append(await version_at(nats, number, proof))
        except UnusableVersionError:
            continue
    return versions


async def install(
    nats: Client, plans: Plans, plan: str | None, files: Files, *, author: str, reason: str, after: int, at: datetime
) -> int:
    """Install files that were checked as the version after number `after`, and return the new number.

    SubjectMovedError where somebody else has installed a version meanwhile.
    """
    digest = digest_of(plan, files)
    version = ReferenceVersion(
        id=_id_after(after, digest, author, reason),
        digest=digest,
        plan=plan,
        author=author,
        reason=reason,
        at=at,
        archive=b64encode(pack(files)),
    )
    message = cloud_event(
        subjects.reference(plans.references[0].plan.unit),
        version.model_dump_json().encode(),
        event_id=version.id,
        kind="reference.installed",
        source="cli",
        at=at,
    )
    return (await publish_next(nats, message, after)).sequence


def loaded(installed: Installed, settings: Settings) -> Plans:
    """Load a version and check it whole; UnusableVersionError where this program cannot use it."""
    version = installed.version
    try:
        files = unpack(version.archive)
        if digest_of(version.plan, files) != version.digest:
            raise DamagedArchiveError("its digest is another")
        with TemporaryDirectory(prefix="ntm-reference-") as folder:
            write_files(files, Path(folder))
            return load_for(settings_for(version.plan, Path(folder), settings))
    except (InvalidReferenceError, DamagedArchiveError) as error:
        raise UnusableVersionError(f"version {installed.number}: {error}") from error


def digest_of_files(settings: Settings) -> str:
    """Return the digest of the files that the settings name, with a sample's invented cohort members."""
    files = dict(read_files(settings.reference_dir or PACKAGED))
    if settings.sample_cohorts:
        files[SAMPLE_COHORTS] = settings.sample_cohorts.read_text(encoding="utf-8-sig")
    return digest_of(settings.plan, files)


def settings_for(plan: str | None, directory: Path, settings: Settings) -> Settings:
    """Return the settings that name plans (None: all) of a directory, with the invented cohort members in there."""
    sample = directory / SAMPLE_COHORTS
    named = {"plan": plan, "reference_dir": directory, "sample_cohorts": sample if sample.is_file() else None}
    return settings.model_copy(update=named)
