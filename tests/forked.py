"""Processes that begin as copies of one that has imported everything: they start in a tenth of the time.

Each is a process of its own with an environment and an output of its own, as one that was started afresh; the tests of
`make up`, of its supervisor and of the containers start theirs afresh.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from deploy.local.supervisor import die_with

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.preloaded", __name__])


TO_PRELOAD = "NTM_TESTS_REFERENCE_TO_PRELOAD"
"""The variable of the environment that names a directory of reference data, to be read beside the packaged ones."""


class Forked:
    """A running copy; what of `asyncio.subprocess.Process` the tests use."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; ProcessLookupError when the process has ended."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        await asyncio.to_thread(self._process.join)
        assert self.returncode is not None
        return self.returncode


async def copied(command: Sequence[str], env: Mapping[str, str], output: Path) -> Forked:
    """Begin a process by its command, `python -m module ...`, as a copy; it prints to the end of a file."""
    _python, _m, module, *arguments = command
    whole = {**os.environ, **env}
    process = _CONTEXT.Process(target=_run, args=(module, arguments, whole, output), daemon=True)
    await asyncio.to_thread(process.start)
    return Forked(process)


def _run(module: str, arguments: Sequence[str], env: Mapping[str, str], output: Path) -> None:
    die_with(os.getppid())
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    with output.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
