"""The supervisor runs, restarts and ends small programs of the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deploy.local import supervisor as supervisor_module
from deploy.local.supervisor import AlreadyRunningError, Process, StartFailedError, Supervisor
from tests.waiting import eventually

SLEEPS = "import time, pathlib, os; pathlib.Path({path!r}).write_text(str(os.getpid())); time.sleep(600)"
IGNORES_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS

SUPERVISES = """
import asyncio, sys
from pathlib import Path
from deploy.local.supervisor import Supervisor, run_until_signal
from tests.integration.test_supervisor import a_process

async def main(directory):
    async with Supervisor(directory) as supervisor:
        await supervisor.start(a_process(directory, "first"))
        await supervisor.start(a_process(directory, "second"))
        await asyncio.sleep(600)

asyncio.run(run_until_signal(main(Path(sys.argv[1]))))
"""


def a_process(directory: Path, name: str, code: str = SLEEPS, start_seconds: float = 60) -> Process:
    """Return a process that writes its id to a file and sleeps; it is ready when the file is there."""
    path = directory / f"{name}.pid"

    async def is_ready() -> bool:
        return bool(path.exists() and path.read_text())

    command = [sys.executable, "-S", "-c", code.format(path=str(path))]
    return Process(name=name, command=command, ready=is_ready, start_seconds=start_seconds)


def pid_of(directory: Path, name: str) -> int:
    """Return the process id in the file; 0 while a new process writes it."""
    return int((directory / f"{name}.pid").read_text() or 0)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
async def supervising(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[asyncio.subprocess.Process]]]:
    """A function that starts another process, which supervises `first` and `second`."""
    started: list[asyncio.subprocess.Process] = []

    async def start() -> asyncio.subprocess.Process:
        for name in ("first", "second"):
            (tmp_path / f"{name}.pid").unlink(missing_ok=True)
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISES, str(tmp_path))
        started.append(other)
        second = tmp_path / "second.pid"
        await eventually(lambda: second.exists() and second.read_text() != "", explain=lambda: "the second process")
        return other

    yield start
    for other in started:
        if other.returncode is None:
            other.kill()
            await other.wait()


async def test_a_killed_process_is_restarted(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(a_process(tmp_path, "worker"))
        killed = pid_of(tmp_path, "worker")
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: pid_of(tmp_path, "worker") not in (killed, 0), explain=lambda: "another process id")
        assert not is_gone(pid_of(tmp_path, "worker"))
    assert is_gone(pid_of(tmp_path, "worker"))


async def test_a_process_that_does_not_listen_is_killed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.supervisor.GRACE_SECONDS", 0.2)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(a_process(tmp_path, "deaf", IGNORES_TERM))
    assert is_gone(pid_of(tmp_path, "deaf"))


async def test_a_process_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = a_process(tmp_path, "broken", "raise SystemExit('no such setting')")
    with pytest.raises(StartFailedError, match=r"(?s)broken does not start \(exit status 1\).*no such setting"):
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(broken)


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartFailedError, match=r"absent does not start \(.*No such file"):
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(Process(name="absent", command=[str(tmp_path / "absent")], ready=never))


async def test_a_process_that_is_never_ready_ends_the_start_and_is_stopped(tmp_path: Path) -> None:
    started = a_process(tmp_path, "slow", SLEEPS.replace("write_text", "with_name('slow').write_text"), 3)
    with pytest.raises(StartFailedError, match="slow was not ready within 3 s"):
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(started)
    assert is_gone(int((tmp_path / "slow").read_text()))


async def test_a_step_that_fails_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.run("fine", [sys.executable, "-c", ""], {})
        with pytest.raises(StartFailedError, match=r"(?s)migrate failed \(exit status 1\).*no database"):
            await supervisor.run("migrate", [sys.executable, "-c", "raise SystemExit('no database')"], {})


async def test_a_second_supervisor_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with Supervisor(tmp_path):
        with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
            async with Supervisor(tmp_path):
                pass
    async with Supervisor(tmp_path):
        pass


async def test_a_long_log_is_put_aside_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.supervisor.LOG_BYTES", 10)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.run("step", [sys.executable, "-c", "print('a' * 20)"], {})
        await supervisor.run("step", [sys.executable, "-c", "print('b')"], {})
    assert (tmp_path / "logs" / "step.log").read_text() == "b\n"
    assert (tmp_path / "logs" / "step.log.1").read_text() == "a" * 20 + "\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_all(
    tmp_path: Path,
    supervising: Callable[[], Awaitable[asyncio.subprocess.Process]],
    number: signal.Signals,
) -> None:
    other = await supervising()
    children = [pid_of(tmp_path, "first"), pid_of(tmp_path, "second")]
    other.send_signal(number)
    assert await asyncio.wait_for(other.wait(), 60) == 0
    assert all(is_gone(pid) for pid in children)


async def test_a_killed_supervisor_leaves_no_children_and_can_be_started_again(
    tmp_path: Path, supervising: Callable[[], Awaitable[asyncio.subprocess.Process]]
) -> None:
    other = await supervising()
    children = [pid_of(tmp_path, "first"), pid_of(tmp_path, "second")]
    other.kill()
    await other.wait()
    await eventually(lambda: all(is_gone(pid) for pid in children), explain=lambda: "the end of the children")

    again = await supervising()
    again.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(again.wait(), 60) == 0


async def test_what_an_earlier_supervisor_left_running_is_ended_first(tmp_path: Path) -> None:
    left = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "import time; time.sleep(600)")
    born = psutil.Process(left.pid).create_time()
    (tmp_path / "children.json").write_text(f'{{"{left.pid}": {born}, "{os.getpid()}": 1.0}}')

    async with Supervisor(tmp_path):
        assert is_gone(left.pid)
    await left.wait()


async def test_a_process_that_is_found_stuck_three_times_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "WATCH_SECONDS", 0.05)
    stuck = [True, True, False, True, True, True]
    logs: list[Path] = []

    async def is_stuck(log: Path) -> bool:
        logs.append(log)
        return bool(stuck) and stuck.pop(0)

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(replace(a_process(tmp_path, "worker"), is_stuck=is_stuck))
        first = pid_of(tmp_path, "worker")
        await eventually(lambda: pid_of(tmp_path, "worker") not in (first, 0), explain=lambda: "another process id")
        assert not stuck
        assert is_gone(first)
    assert set(logs) == {supervisor.logs / "worker.log"}
