"""The running system, which every `ntm` command finds by its data directory or by the environment."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from deploy.local.texts import phrase
from shared.texts import filled

_PARTS = {"intake_url", "scoring_url", "notify_url", "nats_url", "database_url"}
"""The addresses that an environment names only where it is meant to lead to a running system."""


class NotRunningError(Exception):
    """No system runs on the data directory."""


class RunningSystem(BaseModel):
    """Addresses and secrets of the system that runs now, as `run.json` in its data directory says."""

    intake_url: str
    scoring_url: str
    notify_url: str
    postbox_url: str
    nats_url: str
    nats_seed_file: Path | None = None
    """The seed of the operator's user."""
    nats_users: Path | None = None
    """The directory with the seeds of all users, where the system has it at hand."""
    database_url: str = Field(repr=False)
    clock: Literal["real", "simulated"]
    plan: str | None = None
    """The plan by which the system judges; None: the one that the settings of its services have by default."""
    reference_dir: Path | None = None
    sample_cohorts: Path | None = None
    evidence_store: str | None = None
    """The store of the files of evidence."""
    pid: int | None = None
    """The process that runs all parts; None where each part runs by itself, as in containers."""
    started_at: datetime | None = None

    @classmethod
    def find(cls, data: Path) -> Self:
        """Return the system that runs on `data`, else the system that the environment names.

        Raises NotRunningError, which says what to do.
        """
        try:
            running = cls.model_validate_json((data / "run.json").read_bytes())
        except FileNotFoundError:
            if named := cls.named_by_environment():
                return named
            raise NotRunningError(_lacking(cls.lacking_in_environment()) or _advice(data)) from None
        except ValidationError:
            unreadable = filled(phrase("running_system.unreadable"), file=data / "run.json").in_both
            raise NotRunningError(f"{unreadable} {_advice(data)}") from None
        if running.pid and not _is_alive(running.pid):
            raise NotRunningError(_advice(data))
        return running

    @classmethod
    def named_by_environment(cls) -> Self | None:
        """Return the system whose parts NTM_INTAKE_URL, NTM_DATABASE_URL and so on name; None unless all are set."""
        try:
            return cls.model_validate(cls._in_environment())
        except ValidationError:
            return None

    @classmethod
    def lacking_in_environment(cls) -> list[str]:
        """Return the settings that the environment lacks or has wrong to name a system; none where it names no part."""
        named = cls._in_environment()
        if not named.keys() & _PARTS:
            return []
        try:
            cls.model_validate(named)
        except ValidationError as error:
            return sorted({_setting(str(fault["loc"][0])) for fault in error.errors()})
        return []

    @classmethod
    def _in_environment(cls) -> dict[str, str]:
        named = {field: os.environ.get(_setting(field)) for field in cls.model_fields}
        return {field: value for field, value in named.items() if value}

    def write(self, data: Path) -> None:
        """Write `run.json`, readable by the owner only, since it holds secrets."""
        write_private(data / "run.json", self.model_dump_json(indent=2))

    @staticmethod
    def withdraw(data: Path) -> None:
        """Remove `run.json` when the system stops."""
        (data / "run.json").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Put a file in place whole, readable by the owner only."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _setting(field: str) -> str:
    return f"NTM_{field.upper()}"


def _advice(data: Path) -> str:
    return filled(phrase("running_system.advice"), directory=data).in_both


def _lacking(settings: list[str]) -> str | None:
    if not settings:
        return None
    return filled(phrase("running_system.lacking"), settings=", ".join(settings)).in_both
