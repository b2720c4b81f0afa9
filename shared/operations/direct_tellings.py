"""The memory of what the processes of a machine told the operators by themselves: files that they share and lock."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from shared.settings import Settings
from shared.time import utc_now

_SAME_TROUBLE = timedelta(days=1)
_ANY_TROUBLE = timedelta(hours=1)
_AFTER_FAILURE = timedelta(minutes=1)


@dataclass
class Turn:
    """A process's turn at telling something that was last told at `told_at`."""

    told_at: datetime | None
    is_due: bool

    def done(self) -> None:
        """Note that it is told now."""
        self.told_at = utc_now()


class DirectTellings:
    """The times at which things were told. A restart of a process does not forget them, and several agree by them.

    Where the files cannot be written, as on a full disk, a process goes by its own memory.
    """

    def __init__(self, settings: Settings) -> None:
        system = f"{settings.nats_url} {settings.database_url.get_secret_value()}"
        name = f"ntm-operators-{os.getuid()}-{sha256(system.encode()).hexdigest()[:16]}"
        self._directory = (settings.operators_told_dir or Path(tempfile.gettempdir())) / name
        self._told: dict[str, datetime] = {}
        self._tried: dict[str, datetime] = {}

    @contextmanager
    def turn(self, name: str, since: datetime) -> Iterator[Turn]:
        """Yield the turn at telling what began at `since`; it is not due while another process is at it.

        The same trouble is told again after a day; one that comes and goes at most once an hour.
        """
        file = self._open(name)
        try:
            is_free = file is None or _locked(file)
            if file and is_free:
                self._read(name, file)
            told_at, now = self._told.get(name), utc_now()
            turn = Turn(told_at, is_due=is_free and is_due(told_at, since, now) and self._may_try(name, now))
            yield turn
            if turn.told_at and turn.told_at != told_at:
                self._told[name] = turn.told_at
                if file:
                    _write(file, turn.told_at)
        finally:
            if file:
                with suppress(OSError):
                    file.close()

    def _open(self, name: str) -> TextIO | None:
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            is_own = self._directory.lstat().st_uid == os.getuid()  # the folder around it is everybody's
            return (self._directory / name).open("a+") if is_own else None
        except OSError:
            return None

    def _read(self, name: str, file: TextIO) -> None:
        with suppress(OSError, ValueError):  # a file that a full disk cut off
            file.seek(0)
            if text := file.read():
                self._told[name] = datetime.fromisoformat(text)

    def _may_try(self, name: str, now: datetime) -> bool:
        if name in self._tried and now - self._tried[name] < _AFTER_FAILURE:
            return False
        self._tried[name] = now
        return True


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(file: TextIO, told_at: datetime) -> None:
    with suppress(OSError):
        file.truncate(0)
        file.write(told_at.isoformat())
        file.flush()


def is_due(told_at: datetime | None, since: datetime, now: datetime) -> bool:
    """Say whether a trouble that began at `since`, and was last told at `told_at`, is to be told."""
    if told_at is None:
        return True
    return now - told_at >= (_SAME_TROUBLE if told_at >= since else _ANY_TROUBLE)
