"""The programs of a version: today's, or those of a release as the repository's history has them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from deploy.local.supervisor import spawn
from tests.running import Running

ROOT = Path(__file__).parents[2]
RELEASES = ROOT / "tests" / "data"
"""A folder for each release, named as its tag."""


def releases() -> list[str]:
    """Return the tags of the releases of which a state is kept, oldest first."""
    return sorted(
        (path.name for path in RELEASES.iterdir()), key=lambda tag: [int(part) for part in tag[1:].split(".")]
    )


class NoSuchCommitError(Exception):
    """The repository does not hold a release's commit."""


def commit_of(tag: str) -> str:
    """Return the id of a release's commit, by which it is found also where nobody has fetched its tag."""
    command = ["git", "rev-parse", "--verify", f"{tag}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.strip()


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs in a tree of sources, run with the packages of this environment."""

    tree: Path

    @classmethod
    def of_commit(cls, commit: str, directory: Path) -> Programs:
        """Take the programs of a commit out of the repository; NoSuchCommitError where it does not hold that."""
        asked = subprocess.run(
            ["git", "archive", commit, "services", "shared", "deploy"], cwd=ROOT, capture_output=True
        )
        if asked.returncode:
            raise NoSuchCommitError(
                f"The upgrade is tried from the release's commit {commit}, which this repository does not hold: "
                f"{asked.stderr.decode().strip()}. Clone it whole (git fetch --unshallow --tags)."
            )
        directory.mkdir()
        subprocess.run(["tar", "--extract"], input=asked.stdout, cwd=directory, check=True)
        return cls(directory)

    async def begin(self, command: Sequence[str], env: Mapping[str, str], output: Path) -> Running:
        """Begin one of these programs."""
        with output.open("ab") as file:
            # both of Python's ways to find a module look in the working directory before any installed package
            return await spawn(["env", "--chdir", str(self.tree), *command], env, file)

    async def ntm(self, *arguments: str, status: int = 0, **env: str) -> str:
        """Run the program `ntm`, which ends with this exit status; return its output."""
        with TemporaryFile() as file:
            command = ["env", "--chdir", str(self.tree), sys.executable, "-m", "services.cli.main", *arguments]
            process = await spawn(command, {"COLUMNS": "300", **env}, file)
            ended = await process.wait()
            file.seek(0)
            output = file.read().decode()
        assert ended == status, output
        return output


TODAY = Programs(ROOT)
