"""The checks of `ntm doctor`, each of one part of the running system. None of them changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from alembic.script.revision import RevisionError
from cryptography import x509
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import broker, database, http
from deploy.local.running_system import RunningSystem
from services.cli.backup import LONGEST_HOURS, too_old
from services.cli.console import words_of
from services.cli.migrate import SCHEMAS
from services.cli.operations import last_reports
from services.cli.rebuild import rules_of_state
from services.cli.texts import phrase
from services.scoring.update.plan_guard import other_judging
from shared import text
from shared.access.agency_keys import list_keys
from shared.backup.retention import newest
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.nats import national
from shared.nats.mirrors import call
from shared.nats.streams import StreamChange, ensure_streams
from shared.nats.unreachable import BrokerUnusableError
from shared.operations.catalogue import CATALOGUE, Code
from shared.postgres.migrations import pending_migrations
from shared.reference.faults import InvalidReferenceError
from shared.service.fullness import nearly_full
from shared.service.reference_versions import UnusableVersionError
from shared.settings import Settings
from shared.texts import filled
from shared.time import utc_now

LATE = timedelta(minutes=1)
"""The age from which a message that nobody has processed is worth a word. A service takes seconds after a restart."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""The difference of two clocks from which it is worth a word. An answer's own time has whole seconds."""

SOON = timedelta(days=30)
"""The time before the end of a certificate or key in which to make a new one. Ours: a month, as most authorities
remind.
"""


class Finding(NamedTuple):
    """A trouble that a check found, or a thing worth knowing, and what to do."""

    parts: tuple[str, ...]
    """The parts of the system that it concerns, such as `scoring` or `NATS`."""
    words: Bilingual
    remedy: Bilingual
    is_wrong: bool = True
    """False: it is only worth knowing."""


async def examine(system: RunningSystem, settings: Settings, key: str | None, backups: Path | None) -> list[Finding]:
    """Look at every part of the running system; return what was found, what is wrong first.

    `key`: an access key, by which notify says whom it can reach. `backups`: the directory of the backups.
    """
    now = utc_now()
    findings = [
        *await _services(system, key),
        *[one async for one in _broker_and_database(system, settings, backups)],
        *_certificates(settings, now),
        *_backups(backups, now),
    ]
    return sorted(_joined(findings), key=lambda finding: not finding.is_wrong)


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """Return each trouble once, with all the parts that tell of it."""
    joined: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        same = joined.setdefault((finding.words.vi, finding.remedy.vi), finding)
        parts = same.parts + tuple(part for part in finding.parts if part not in same.parts)
        joined[finding.words.vi, finding.remedy.vi] = same._replace(parts=parts)
    return list(joined.values())


async def _services(system: RunningSystem, key: str | None) -> list[Finding]:
    urls = {"intake": system.intake_url, "scoring": system.scoring_url, "notify": system.notify_url}
    async with http(key) as client:
        found = await asyncio.gather(*[_service(client, name, url) for name, url in urls.items()])
        gaps = await _contact_gaps(client, system.notify_url) if key else [_NO_KEY]
    return [finding for each in found for finding in each] + gaps


async def _service(client: httpx.AsyncClient, name: str, url: str) -> list[Finding]:
    """Look whether a service is ready, and what its clock says."""
    asked = utc_now()
    try:
        vi, en = await _in_both(client, f"{url}/readyz")
    except httpx.HTTPError as error:
        words = filled(phrase("doctor.service_away"), url=url, reason=str(error) or type(error).__name__)
        return [Finding((name,), words, phrase("doctor.service_away_remedy"))]
    findings = [*_clock(name, parsedate_to_datetime(vi.headers["Date"]), asked)] if "Date" in vi.headers else []
    if vi.is_error or en.is_error:
        words = Bilingual(vi=_detail(vi), en=_detail(en))
        findings.append(Finding((name,), words, phrase("doctor.not_ready_remedy")))
    return findings


async def _in_both(client: httpx.AsyncClient, url: str) -> tuple[httpx.Response, httpx.Response]:
    """Return what an address answers in Vietnamese and in English."""
    vi, en = [await client.get(url, headers={"Accept-Language": language}) for language in ("vi", "en")]
    return vi, en


def _detail(answer: httpx.Response) -> str:
    with suppress(ValueError):
        if isinstance(document := answer.json(), dict):
            return str(document.get("detail") or document.get("title") or answer.status_code)
    return str(answer.status_code)


def _clock(part: str, theirs: datetime, asked: datetime) -> Iterator[Finding]:
    """Compare a part's clock with ours, which showed `asked` before the part was asked: its answer may take long."""
    ours = min(max(theirs, asked), utc_now())
    if abs(theirs - ours) > CLOCKS_DIFFER:
        seconds = round(abs(theirs - ours).total_seconds())
        words = phrase("doctor.clock_behind") if theirs < ours else phrase("doctor.clock_ahead")
        yield Finding((part,), filled(words, seconds=seconds), phrase("doctor.clock_remedy"))


_NO_KEY = Finding(("notify",), phrase("doctor.no_key"), phrase("doctor.no_key_remedy"), is_wrong=False)


async def _contact_gaps(client: httpx.AsyncClient, url: str) -> list[Finding]:
    """Look which roles nobody answers for."""
    try:
        answer, en = await _in_both(client, f"{url}/v1/contacts/gaps")
    except httpx.HTTPError:
        return []  # the service is away, which is said
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []  # nor is it ready then, which is said
    if answer.is_error:
        words = filled(phrase("doctor.gaps_refused"), reason=Bilingual(vi=_detail(answer), en=_detail(en)))
        return [Finding(("notify",), words, phrase("doctor.no_key_remedy"), is_wrong=False)]
    gaps = answer.json()
    findings = []
    if roles := {gap["recipient"]: Bilingual.model_validate(gap["name"]) for gap in gaps["items"]}:
        names = _in_each_language(roles.values())
        words = filled(phrase("doctor.roles_unreachable"), number=len(roles), roles=names)
        findings.append(Finding(("notify",), words, phrase("doctor.roles_unreachable_remedy")))
    if gaps["ended"]:
        words = filled(phrase("doctor.roles_ended"), number=len(gaps["ended"]))
        findings.append(Finding(("notify",), words, phrase("doctor.roles_ended_remedy")))
    return findings


def _in_each_language(names: Collection[Bilingual]) -> Bilingual:
    return Bilingual(vi=_some([name.vi for name in names]), en=_some([name.en for name in names]))


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f", … (+{len(names) - shown})" if len(names) > shown else "")


async def _broker_and_database(
    system: RunningSystem, settings: Settings, backups: Path | None
) -> AsyncIterator[Finding]:
    async with database(system) as engine:
        found = [one async for one in _database(engine)]
        for finding in found:
            yield finding
        try:
            async with broker(system) as nats:
                async for finding in _broker(nats, settings, backups):
                    yield finding
                if not found:
                    async for finding in _judged_by(engine, nats, settings):
                        yield finding
        except Exception as error:  # noqa: BLE001 - whatever is wrong, it is the broker's
            yield _of(("NATS",), Code.BROKER, _reason(error))


def _of(parts: tuple[str, ...], code: Code, details: Bilingual | None) -> Finding:
    entry = CATALOGUE[code]
    return Finding(parts, _with_details(entry.words, details), entry.remedy)


def _with_details(words: Bilingual, details: Bilingual | None) -> Bilingual:
    return Bilingual(vi=f"{words.vi} {details.vi}", en=f"{words.en} {details.en}") if details else words


def _reason(error: Exception) -> Bilingual:
    if isinstance(error, BrokerUnusableError):
        return error.words
    said = str(error).partition("\n")[0] or type(error).__name__
    return words_of(error) or Bilingual(vi=said, en=said)


async def _database(engine: AsyncEngine) -> AsyncIterator[Finding]:
    try:
        asked = utc_now()
        async with engine.connect() as connection:
            theirs = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        for finding in _clock("PostgreSQL", theirs, asked):
            yield finding
        lacking = []
        for schema, package in SCHEMAS.items():
            try:
                lacking += [f"{schema} {one}" for one in await pending_migrations(engine, package)]
            except RevisionError:
                words = filled(phrase("doctor.schema_newer"), schema=schema)
                yield Finding(("PostgreSQL",), words, phrase("doctor.schema_newer_remedy"))
        if lacking:
            words = filled(phrase("doctor.not_migrated"), migrations=_some(lacking))
            yield Finding(("PostgreSQL",), words, phrase("doctor.not_migrated_remedy"))
        else:
            for key in await list_keys(engine):
                if key.state == "active" and key.expires_at and key.expires_at < utc_now() + SOON:
                    at = text.moment(key.expires_at)
                    words = filled(phrase("doctor.key_ends"), agency=key.name, key=key.id, at=at)
                    yield Finding((key.agency,), words, phrase("doctor.key_ends_remedy"))
    except Exception as error:  # noqa: BLE001 - whatever is wrong, it is the database's
        yield _of(("PostgreSQL",), Code.DATABASE, _reason(error))


async def _judged_by(engine: AsyncEngine, nats: Client, settings: Settings) -> AsyncIterator[Finding]:
    """Look whether the state was judged by the rules that are in force, and as these programs judge."""
    async with engine.connect() as connection:
        if judging := await other_judging(connection):
            yield _of(("scoring",), Code.JUDGING, judging)
    try:
        await rules_of_state(engine, nats, settings, only_own=True)
    except (UnusableVersionError, InvalidReferenceError) as error:
        words = filled(phrase("doctor.rules_unusable"), reason=str(error))
        yield Finding(("scoring",), words, phrase("doctor.rules_unusable_remedy"))


async def _broker(nats: Client, settings: Settings, backups: Path | None = None) -> AsyncIterator[Finding]:
    js = nats.jetstream()
    changes = await ensure_streams(js, settings.stream_replicas, dry_run=True)
    missing = sorted({change.stream for change in changes if _is_missing(change)})
    if missing:
        words = filled(phrase("doctor.streams_missing"), streams=", ".join(missing))
        yield Finding(("NATS",), words, phrase("doctor.streams_missing_remedy"))
    for change in changes:
        if change.stream not in missing:
            words = filled(
                phrase("doctor.stream_differs"),
                stream=change.stream,
                setting=change.setting,
                before=change.before,
                after=change.after,
            )
            yield Finding(("NATS",), words, phrase("doctor.stream_differs_remedy"))
    present = [stream for stream in subjects.NEEDED if stream not in missing]
    for stream in present:
        for finding in _replicas(await js.stream_info(stream)):
            yield finding
    async for finding in _consumers(js, present):
        yield finding
    if subjects.STATUS_STREAM in present:
        async for finding in _national(nats):
            yield finding
    if full := await nearly_full(nats, present, settings.nats_store_bytes, settings.disks):
        yield _of(("NATS",), Code.DISK, full)
    if subjects.OPERATIONS_STREAM in present:
        async for finding in _reported(js, backups):
            yield finding


def _is_missing(change: StreamChange) -> bool:
    return change.setting == "subjects" and change.before is None


def _replicas(info: StreamInfo) -> Iterator[Finding]:
    """Look whether all copies of a stream take part."""
    cluster, stream = info.cluster, info.config.name
    if cluster is None or (info.config.num_replicas or 1) < 2:
        return
    if not cluster.leader:
        yield _of(("NATS",), Code.QUORUM, Bilingual(vi=f"({stream})", en=f"({stream})"))
    behind = sorted(peer.name or "?" for peer in cluster.replicas or () if peer.offline or not peer.current)
    if behind:
        words = filled(phrase("doctor.copies_behind"), stream=stream, servers=", ".join(behind))
        yield Finding(("NATS",), words, phrase("doctor.copies_behind_remedy"))


async def _consumers(js: JetStreamContext, streams: Sequence[str]) -> AsyncIterator[Finding]:
    """Look whether each service keeps up with its streams."""
    for service, families in subjects.CONSUMERS.items():
        for family, durable in families.items():
            stream = subjects.stream_of(family) or ""
            if stream not in streams:
                continue
            try:
                info = await js.consumer_info(stream, durable)
            except NotFoundError:
                words = filled(phrase("doctor.consumer_missing"), consumer=durable, stream=stream)
                yield Finding((service,), words, phrase("doctor.consumer_missing_remedy"))
                continue
            waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
            since = await _waits_since(js, stream, family, info.ack_floor.stream_seq if info.ack_floor else 0)
            if waiting and since and utc_now() - since > LATE:
                words = filled(phrase("doctor.behind"), number=waiting, stream=stream, since=text.moment(since))
                yield Finding((service,), words, phrase("doctor.behind_remedy"))


async def _national(nats: Client) -> AsyncIterator[Finding]:
    """Look whether the national server takes the changes, if it has ever taken any."""
    try:
        info = await call(nats, national.INFO[national.CONSUMER], {})
    except NotFoundError:
        return  # a version before; `migrate` makes it
    if not (floor := info["ack_floor"]["stream_seq"]):
        return
    js = nats.jetstream()
    moments = [await _waits_since(js, subjects.STATUS_STREAM, family, floor) for family in national.EXPORTED]
    since = min((moment for moment in moments if moment), default=None)
    if since and utc_now() - since > LATE:
        words = filled(phrase("doctor.national_behind"), since=text.moment(since))
        yield Finding(("NATS",), words, phrase("doctor.national_behind_remedy"))


async def _waits_since(js: JetStreamContext, stream: str, family: str, floor: int) -> datetime | None:
    """Return when the broker stored the first message of a family behind a number; None where there is none."""
    try:
        message = await js.get_msg(stream, floor + 1, subject=family, next=True)
    except NotFoundError:
        return None
    return message.time.astimezone(UTC) if message.time else None


async def _reported(js: JetStreamContext, backups: Path | None) -> AsyncIterator[Finding]:
    """Tell the troubles that the services have reported and that are not over, and of backups that nobody reports."""
    reports = (await last_reports(js)).items
    for reported in reports:
        if reported.state == "raised":
            yield Finding((reported.service,), _with_details(reported.words, reported.details), reported.remedy)
    if backups is not None:
        return  # the newest one is looked at itself
    well = [reported.at for reported in reports if reported.code == Code.BACKUP and reported.state == "cleared"]
    if not any(reported.code == Code.BACKUP for reported in reports):
        yield Finding(("backup",), phrase("doctor.no_backups"), phrase("doctor.no_backups_remedy"), is_wrong=False)
    elif well and max(well) < utc_now() - timedelta(hours=LONGEST_HOURS):
        words = filled(phrase("doctor.backups_silent"), since=text.moment(max(well)))
        yield Finding(("backup",), words, phrase("doctor.backups_silent_remedy"))


def _certificates(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look when the certificates that the settings name end."""
    for part in ("nats", "database"):
        for kind in ("ca_file", "certificate_file"):
            file: Path | None = getattr(settings, f"{part}_{kind}")
            if file is None:
                continue
            setting = f"NTM_{part}_{kind}".upper()
            try:
                first = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes()))
            except (OSError, ValueError) as error:
                words = filled(phrase("doctor.certificate_unreadable"), setting=setting, file=file, reason=error)
                yield Finding((setting,), words, phrase("doctor.certificate_remedy"))
                continue
            if first < now + SOON:
                ends = phrase("doctor.certificate_ends") if first > now else phrase("doctor.certificate_ended")
                words = filled(ends, file=file, at=text.moment(first))
                yield Finding((setting,), words, phrase("doctor.certificate_remedy"))


def _backups(directory: Path | None, now: datetime) -> Iterator[Finding]:
    """Look how old the newest backup of a directory is."""
    if directory is None:
        return
    longest = timedelta(hours=LONGEST_HOURS)
    last = newest((path.name for path in directory.iterdir()), now)
    if last is None or now - last > longest:
        yield Finding(("backup",), too_old(directory, last, longest), CATALOGUE[Code.BACKUP].remedy)
