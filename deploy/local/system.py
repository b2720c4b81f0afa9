"""The whole system on one machine: NATS, PostgreSQL and the postbox, then the services, until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, NamedTuple, Self

import httpx
from pydantic import BaseModel, Field, ValidationError

from deploy.local.nats import Nats
from deploy.local.postgres import Postgres
from deploy.local.running_system import RunningSystem, write_private
from deploy.local.supervisor import CannotStartError, DataLostError, Process, Supervisor, run_until_signal
from deploy.local.uvicorn_options import UVICORN_ENV, uvicorn_command
from shared.nats.roles import MIGRATE as MIGRATE_ROLE
from shared.nats.roles import OFFICE_MIGRATE, OPERATOR
from shared.nats.store_limits import Room, room_of
from shared.nats.users import seed_file

log = logging.getLogger(__name__)

SERVICES = {name: f"services.{name}.app:app" for name in ("intake", "scoring", "notify")}
NTM = (sys.executable, "-m", "services.cli.main")
MIGRATE = (*NTM, "migrate")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports at which a person or another program finds the system."""

    intake: int = 8001
    scoring: int = 8002
    notify: int = 8003
    postbox: int = 8025

    @classmethod
    def starting_at(cls, base: int) -> Self:
        """Return four ports in a row, from `base` on."""
        return cls(base, base + 1, base + 2, base + 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options with which the system starts."""

    data: Path
    ports: Ports = Ports()
    today: date | None = None
    """The day on which a simulated clock begins the first time; None: the real clock."""
    contacts: Path | None = None
    sample_cohorts: Path | None = None
    reference_dir: Path | None = None
    """Reference data in place of those that the environment names, or the packaged ones."""
    log_format: Literal["json", "text"] = "text"
    services: Mapping[str, str] = field(default_factory=lambda: SERVICES)
    """The ASGI application of each service."""
    migrate: Sequence[str] = MIGRATE
    schemas: Collection[str] = ()
    """The schemas that the database of a system has which has run before."""
    streams: Collection[str] = ()
    """The streams that NATS then stores."""
    accept_loss: bool = False
    """Start without the data that a system which has run before has lost."""
    nats_store_bytes: int | None = None
    """The limit of NATS' store; None: a share of the free disk."""
    backup: Sequence[str] = ()
    """The arguments of `ntm backup` by which the system is backed up every day; none: it is not."""

    @property
    def clock(self) -> Literal["real", "simulated"]:
        """The clock that the services go by."""
        return "simulated" if self.today else "real"


class PortInUseError(CannotStartError):
    """Another program has a port that the system needs."""


def _secret() -> str:
    return secrets.token_urlsafe(24)


class Installation(BaseModel):
    """The choices of the first start, which stay: secrets, and the ports of NATS, the database and SMTP."""

    database_password: str = Field(default_factory=_secret, repr=False)
    sms_api_key: str = Field(default_factory=_secret, repr=False)
    sms_secret_key: str = Field(default_factory=_secret, repr=False)
    link_secret: str = Field(default_factory=_secret, repr=False)
    nats_port: int = 0
    database_port: int = 0
    smtp_port: int = 0
    nats_store_bytes: int = 0
    """The highest limit that NATS' store has had: free space differs, and streams have reserved their shares."""
    has_run: bool = False
    """The system was complete once: from then on data that are missing were lost."""

    @classmethod
    def load(cls, data: Path) -> Self:
        """Return the choices that the data directory keeps, with a new port in place of each port that is taken."""
        path = data / "secrets.json"
        try:
            installation = cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            installation = cls()
        except ValidationError as error:
            raise CannotStartError(f"{path} cannot be read: {error}. Restore it, or run `make demo-reset`.") from None
        taken: set[int] = set()
        for name in ("nats_port", "database_port", "smtp_port"):
            port = getattr(installation, name)
            while port in taken or not is_free(port):
                port = free_port()
            setattr(installation, name, port)
            taken.add(port)
        installation.keep(data)
        return installation

    def keep(self, data: Path) -> None:
        """Write the choices into the data directory."""
        write_private(data / "secrets.json", self.model_dump_json(indent=2))


def is_free(port: int) -> bool:
    """Say whether a server could listen at this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return port > 0


def free_port() -> int:
    """A free port that the system does not give to outgoing connections.

    Otherwise a service that tries to reconnect to a server that is down could take the server's own port.
    """
    while not is_free(port := 30_000 + secrets.randbelow(2_700)):
        pass
    return port


async def run(options: Options, on_ready: Callable[[RunningSystem], Awaitable[None]]) -> None:
    """Start everything, call `on_ready`, and keep everything running until SIGINT, SIGTERM or SIGHUP.

    Raises CannotStartError.
    """
    await run_until_signal(_run(options, on_ready))


async def _run(options: Options, on_ready: Callable[[RunningSystem], Awaitable[None]]) -> None:
    async with (
        Supervisor(options.data) as supervisor,
        # This machine is behind no proxy, whatever the environment names.
        httpx.AsyncClient(timeout=2, trust_env=False) as http,
    ):
        _check_ports(options.ports)
        chosen = Installation.load(options.data)
        nats = Nats(options.data / "nats", chosen.nats_port)
        may_be_empty = options.accept_loss or not chosen.has_run
        postgres = Postgres(options.data / "postgres", chosen.database_port, chosen.database_password, may_be_empty)
        for part in (nats, postgres):
            if not may_be_empty and not part.has_data:
                raise DataLostError(str(part.directory))
        if not may_be_empty and (missing := nats.missing_streams(options.streams)):
            raise DataLostError(f"{', '.join(missing)} in {nats.directory}")
        store_bytes = _store_bytes(options, chosen, await asyncio.to_thread(room_of, nats.directory))
        parts = [nats.process(store_bytes), await asyncio.to_thread(postgres.process), _postbox(options, chosen, http)]
        await supervisor.start(*parts)
        if not may_be_empty and (missing := await postgres.missing_schemas(options.schemas)):
            raise DataLostError(f"{', '.join(missing)} in {postgres.directory}")

        env = _service_env(options, chosen, nats, postgres) | {"NTM_NATS_STORE_BYTES": str(store_bytes)}
        begin = ("--today", options.today.isoformat()) if options.today else ()
        await supervisor.run("migrate", (*options.migrate, *begin), env | _migrate_env(nats))
        channels = _channel_env(options, chosen)
        await supervisor.start(
            *(
                _service(
                    name,
                    app,
                    options,
                    env | _user_env(nats, name) | (channels if name == "notify" else {}),
                    http,
                )
                for name, app in options.services.items()
            )
        )
        running = RunningSystem(
            **{f"{name}_url": _url(port) for name, port in asdict(options.ports).items()},
            nats_url=nats.url,
            nats_seed_file=seed_file(nats.users, OPERATOR.name).resolve(),
            nats_users=nats.users.resolve(),
            database_url=postgres.url,
            pid=os.getpid(),
            clock=options.clock,
            plan=os.environ.get("NTM_PLAN"),
            reference_dir=options.reference_dir or os.environ.get("NTM_REFERENCE_DIR"),
            sample_cohorts=options.sample_cohorts,
            evidence_store=env["NTM_EVIDENCE_STORE"],
            started_at=datetime.now(UTC),
        )
        running.write(options.data)
        chosen.has_run = True
        chosen.keep(options.data)
        if options.backup:
            await supervisor.start(_backup(options, chosen))
        try:
            await on_ready(running)
            await asyncio.Event().wait()
        finally:
            RunningSystem.withdraw(options.data)


class Engines(NamedTuple):
    """NATS and PostgreSQL of a data directory, which run without the services."""

    nats: Nats
    postgres: Postgres


@asynccontextmanager
async def engines(data: Path) -> AsyncIterator[Engines]:
    """Run NATS and PostgreSQL on a directory, empty where it has none, and nothing else. Raises CannotStartError."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else waits yet
    async with Supervisor(data) as supervisor:
        chosen = Installation.load(data)
        nats = Nats(data / "nats", chosen.nats_port)
        postgres = Postgres(data / "postgres", chosen.database_port, chosen.database_password)
        await supervisor.start(nats.process(), await asyncio.to_thread(postgres.process))
        yield Engines(nats, postgres)


def _store_bytes(options: Options, chosen: Installation, room: Room) -> int:
    """Return the limit of NATS' store: as it was set, or as it was before; never more than the disk allows."""
    wanted = options.nats_store_bytes or max(chosen.nats_store_bytes, room.usual_limit)
    limit = room.limit(wanted)
    if limit < wanted:
        log.warning("NATS may store %d bytes, not %d: the disk has no room for more", limit, wanted)
    if limit > room.largest_limit:
        log.warning(
            "NATS may store %d bytes, which its streams have reserved, and the disk has room for %d: free it, "
            "or lower the streams' limits by `ntm migrate --lower`",
            limit,
            room.largest_limit,
        )
    chosen.nats_store_bytes = max(chosen.nats_store_bytes, limit) if options.nats_store_bytes is None else limit
    return limit


def _check_ports(ports: Ports) -> None:
    for name, port in asdict(ports).items():
        if not is_free(port):
            raise PortInUseError(
                f"Port {port}, meant for {name}, is in use by another program. Stop that one, or let the system "
                "use four other ports in a row with --ports-from, for instance --ports-from 18001."
            )


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _answers(http: httpx.AsyncClient, url: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        try:
            return (await http.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return check


def _serves(http: httpx.AsyncClient, url: str) -> Callable[[], Awaitable[bool]]:
    """Return the question whether a service works, or is held back until an operator has its tables made again."""
    is_ready = _answers(http, f"{url}/readyz")

    async def check() -> bool:
        return await is_ready() or await is_held_back(http, url)

    return check


async def is_held_back(http: httpx.AsyncClient, url: str) -> bool:
    """Say whether a service does nothing, since its tables lack messages of the streams (`ntm rebuild`)."""
    try:
        return "tables_lack_messages_of" in (await http.get(f"{url}/healthz")).json()
    except (httpx.HTTPError, ValueError):
        return False


def _postbox(options: Options, chosen: Installation, http: httpx.AsyncClient) -> Process:
    port = options.ports.postbox
    places = {"--dir": options.data / "postbox", "--smtp-port": chosen.smtp_port, "--http-port": port}
    arguments = [str(part) for place in places.items() for part in place]
    return Process(
        name="postbox",
        command=[sys.executable, "-m", "deploy.local.postbox", *arguments],
        env={"NTM_SMS_API_KEY": chosen.sms_api_key, "NTM_SMS_SECRET_KEY": chosen.sms_secret_key},
        ready=_answers(http, f"{_url(port)}/healthz"),
    )


def _backup(options: Options, chosen: Installation) -> Process:
    async def ready() -> bool:
        return True

    command = [*NTM, "backup", *options.backup, "--data", str(options.data)]
    env = _mail_env(chosen) if os.environ.get("NTM_OPERATORS") else {}
    return Process(name="backup", command=command, env=env, ready=ready)


def _service(name: str, app: str, options: Options, env: Mapping[str, str], http: httpx.AsyncClient) -> Process:
    port = asdict(options.ports)[name]
    return Process(
        name=name,
        command=uvicorn_command(app, port),
        env={**env, **UVICORN_ENV},
        ready=_serves(http, _url(port)),
    )


def _service_env(options: Options, chosen: Installation, nats: Nats, postgres: Postgres) -> dict[str, str]:
    env = {
        "NTM_DATABASE_URL": postgres.url,
        "NTM_NATS_URL": nats.url,
        "NTM_CLOCK": options.clock,
        "NTM_EVIDENCE_STORE": evidence_store(options.data),
        "NTM_LOG_FORMAT": options.log_format,
        "NTM_INTAKE_PAGE": _url(options.ports.intake),
        "NTM_SCORING_PAGE": _url(options.ports.scoring),
        "NTM_NOTIFY_PAGE": _url(options.ports.notify),
        "NTM_WATCHED_DISKS": f"{options.data.resolve()}:{postgres.directory.resolve()}",
    }
    if os.environ.get("NTM_OPERATORS"):  # each service tells them by itself where notify cannot
        env |= _mail_env(chosen)
    paths = {
        "NTM_CONTACTS": options.contacts,
        "NTM_SAMPLE_COHORTS": options.sample_cohorts,
        "NTM_REFERENCE_DIR": options.reference_dir,
    }
    for name, path in paths.items():
        if path:
            env[name] = str(path.resolve())
    return env


def evidence_store(data: Path) -> str:
    """Return the store of the files of evidence: the one that the environment names, or a folder beside the others."""
    return os.environ.get("NTM_EVIDENCE_STORE") or (data.resolve() / "evidence").as_uri()


def _user_env(nats: Nats, user: str) -> dict[str, str]:
    return {"NTM_NATS_SEED_FILE": str(seed_file(nats.users, user).resolve())}


def _migrate_env(nats: Nats) -> dict[str, str]:
    office = seed_file(nats.users, OFFICE_MIGRATE.name).resolve()
    return {**_user_env(nats, MIGRATE_ROLE.name), "NTM_NATS_OFFICE_SEED_FILE": str(office)}


def _mail_env(chosen: Installation) -> dict[str, str]:
    return {
        "NTM_SMTP_HOST": "127.0.0.1",
        "NTM_SMTP_PORT": str(chosen.smtp_port),
        "NTM_SMTP_FROM": "Văn phòng Điều phối nông thôn mới <dieuphoi@ntm.example>",
        "NTM_SMTP_STARTTLS": "false",
    }


def _channel_env(options: Options, chosen: Installation) -> dict[str, str]:
    return {
        **_mail_env(chosen),
        "NTM_SMS_URL": _url(options.ports.postbox),
        "NTM_SMS_API_KEY": chosen.sms_api_key,
        "NTM_SMS_SECRET_KEY": chosen.sms_secret_key,
        "NTM_SMS_BRANDNAME": "NTM-LANGSON",
        "NTM_LINK_SECRET": chosen.link_secret,
        "NTM_PUBLIC_URL": _url(options.ports.notify),
        # simulated days pass in seconds, and webhooks of a demonstration end on the same machine
        "NTM_WAIT_SHARE": "0.001" if options.clock == "simulated" else "1",
        "NTM_WEBHOOK_ALLOW_PRIVATE": "true",
    }
