"""The supervisor of processes: it starts them in order, restarts those that die, stops all and leaves none behind."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Self

import psutil

from deploy.local.texts import phrase
from shared.texts import filled

log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
SETTLED_SECONDS = 30.0
DEATHS_BEFORE_READY = 3
LOG_BYTES = 5_000_000
WATCH_SECONDS = 10.0
STUCK_BEFORE_RESTART = 3

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class CannotStartError(Exception):
    """The system cannot start; the message says why, and what to do."""


class DataLostError(CannotStartError):
    """A system that has run before lacks a part of its data."""

    def __init__(self, part: str) -> None:
        words = filled(phrase("system.data_lost"), part=part)
        super().__init__(words.in_both)


class AlreadyRunningError(CannotStartError):
    """Another supervisor runs on the same directory."""


class StartFailedError(CannotStartError):
    """A process did not get ready, or failed at its work; the message ends with its log's last lines."""


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process to keep running.

    `prepare` runs before every start, `ready` is asked until it says yes; OSError from either counts as no. `is_stuck`
    says, by its log too, that it runs and does not do its work, although another start could help.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    prepare: Callable[[], Awaitable[None]] = _nothing
    is_stuck: Callable[[Path], Awaitable[bool]] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 60.0


def die_with(parent: int) -> None:
    """Have this process killed, on Linux, when its parent ends; called by a child before it does anything else."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


async def spawn(command: Sequence[str], env: Mapping[str, str], output: IO[bytes]) -> asyncio.subprocess.Process:
    """Start a child that the terminal's Ctrl-C does not reach, and that (on Linux) dies with this process."""
    return await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=partial(die_with, os.getpid()),
    )


async def end(child: asyncio.subprocess.Process, stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """Ask a child to stop; after the grace kill it and its whole group."""
    with suppress(ProcessLookupError):
        child.send_signal(stop_signal)
    try:
        await asyncio.wait_for(child.wait(), GRACE_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


@dataclass
class _Child:
    process: Process
    running: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None
    watcher: asyncio.Task[None] | None = None
    deaths: int = 0
    ending: str = ""


class Supervisor:
    """A supervisor of processes, used as `async with`: at the end it stops all that it started, in reverse order."""

    def __init__(self, directory: Path) -> None:
        self.logs = directory / "logs"
        self._directory = directory
        self._record = directory / "children.json"
        self._lock: IO[str] | None = None
        self._groups: list[list[_Child]] = []
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._acquire_lock()
        await asyncio.to_thread(self._end_leftovers)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        for group in reversed(self._groups):
            await asyncio.gather(*(self._stop(child) for child in group))
        self._record.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()

    async def start(self, *processes: Process) -> None:
        """Start processes side by side and wait until all are ready; from then on keep them running.

        Raises StartFailedError when a process is not ready in its time, or dies several times before it is ready.
        """
        group = [_Child(process) for process in processes]
        self._groups.append(group)
        for child in group:
            child.keeper = asyncio.create_task(self._keep_running(child))
        await asyncio.gather(*(self._until_ready(child) for child in group))
        for child in group:
            if child.process.is_stuck:
                child.watcher = asyncio.create_task(self._watch(child, child.process.is_stuck))

    async def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Run a command to its end. Raises StartFailedError when it fails."""
        with self._open_log(name) as output:
            child = await spawn(command, env, output)
        try:
            code = await child.wait()
        finally:
            if child.returncode is None:
                await end(child)
        if code != 0:
            raise StartFailedError(f"{name} failed ({_described(code)}).{self._tail(name)}")

    async def _keep_running(self, child: _Child) -> None:
        clock = asyncio.get_running_loop().time
        name, delay = child.process.name, FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            started = clock()
            try:
                await child.process.prepare()
                with self._open_log(name) as output:
                    child.running = await spawn(child.process.command, child.process.env, output)
                with suppress(OSError):
                    self._write_record()
                child.ending = _described(await child.running.wait())
            except OSError as error:
                child.ending = str(error)
            if self._stopping.is_set():
                return
            child.deaths += 1
            if clock() - started >= SETTLED_SECONDS:
                delay = FIRST_DELAY_SECONDS
            log.warning("%s ended (%s); it starts again in %.1f s", name, child.ending, delay)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _watch(self, child: _Child, is_stuck: Callable[[Path], Awaitable[bool]]) -> None:
        """Start a process again that was found stuck several times in a row."""
        name, in_a_row = child.process.name, 0
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            in_a_row = in_a_row + 1 if await is_stuck(self._log_of(name)) else 0
            if in_a_row >= STUCK_BEFORE_RESTART and child.running and child.running.returncode is None:
                log.warning("%s runs and does not do its work; it is started again", name)
                await end(child.running, child.process.stop_signal)
                in_a_row = 0

    async def _until_ready(self, child: _Child) -> None:
        process = child.process
        clock = asyncio.get_running_loop().time
        deadline = clock() + process.start_seconds
        while not await _says_yes(process.ready):
            if child.deaths >= DEATHS_BEFORE_READY:
                raise StartFailedError(f"{process.name} does not start ({child.ending}).{self._tail(process.name)}")
            if clock() > deadline:
                waited = f"within {process.start_seconds:.0f} s"
                raise StartFailedError(f"{process.name} was not ready {waited}.{self._tail(process.name)}")
            await asyncio.sleep(0.05)

    async def _stop(self, child: _Child) -> None:
        if child.watcher:
            child.watcher.cancel()
        if child.running and child.running.returncode is None:
            await end(child.running, child.process.stop_signal)
        if child.keeper:
            done, _ = await asyncio.wait({child.keeper}, timeout=GRACE_SECONDS)
            # The child was being started while the supervisor stopped.
            if not done and child.running:
                await end(child.running, child.process.stop_signal)

    def _acquire_lock(self) -> IO[str]:
        lock = (self._directory / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise AlreadyRunningError(
                f"The system already runs on {self._directory} (process {pid}). "
                "Stop that one first, or choose another directory with --data."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _write_record(self) -> None:
        children = [child.running.pid for group in self._groups for child in group if child.running]
        born = {}
        for pid in children:
            with suppress(psutil.Error):
                born[pid] = psutil.Process(pid).create_time()
        self._record.write_text(json.dumps(born))

    def _end_leftovers(self) -> None:
        # Where the kernel does not tie children to their parent, a killed supervisor leaves them running.
        try:
            born = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return
        for pid, created in born.items():
            with suppress(psutil.Error):
                leftover = psutil.Process(int(pid))
                if abs(leftover.create_time() - created) < 1:
                    leftover.terminate()
                    try:
                        leftover.wait(GRACE_SECONDS)
                    except psutil.TimeoutExpired:
                        leftover.kill()
                        leftover.wait(GRACE_SECONDS)

    def _log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _open_log(self, name: str) -> IO[bytes]:
        path = self._log_of(name)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _tail(self, name: str) -> str:
        path = self._log_of(name)
        if not path.exists():  # the process was never started
            return ""
        with path.open("rb") as written:
            written.seek(max(0, path.stat().st_size - 8000))
            lines = written.read().decode(errors="replace").splitlines()
        return "\n".join([f" The end of {path}:", *lines[-25:]])


async def run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; SIGINT, SIGTERM or SIGHUP cancels it once, and further ones do not disturb its clean-up."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _says_yes(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await asyncio.wait_for(check(), 5)
    except OSError:
        return False


def _described(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
