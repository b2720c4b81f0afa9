"""docker-compose.yml as a project apart: its secrets, ports, volumes and image differ from a running system's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
_IN_THE_FILE = re.compile(r"COMPOSE_|POSTGRES_|NTM_(?!PIP_CONF$)")
"""Settings that would win over the file, were they set in the caller's shell."""
_PORTS = ("INTAKE", "SCORING", "NOTIFY", "POSTBOX", "NATS")


class Compose:
    """The commands of Compose about a project of these files, with its settings in `env_file`."""

    def __init__(self, name: str, env_file: Path, files: Sequence[str | Path]) -> None:
        self.env_file, self.name = env_file, name
        self._command = ["docker", "compose", "--project-name", name, "--env-file", str(env_file)]
        for file in files:
            self.overlay(file)
        self._env = {key: value for key, value in os.environ.items() if not _IN_THE_FILE.match(key)}

    def overlay(self, file: str | Path) -> None:
        """Take in another file of the project, from now on."""
        self._command += ["--file", str(file)]

    def set(self, **settings: str) -> None:
        """Set settings anew, for what runs from now on."""
        with self.env_file.open("a") as file:
            file.writelines(f"{key}={value}\n" for key, value in settings.items())

    def run(self, *arguments: str) -> str:
        """Return the output of `docker compose …`; when it fails, print it to stderr and raise CalledProcessError."""
        done = subprocess.run(
            [*self._command, *arguments], cwd=ROOT, env=self._env, check=False, capture_output=True, text=True
        )
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()
        return done.stdout

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers."""
        return self.run("ps", "--all", "--quiet", service).split()

    def remove(self) -> None:
        """Remove the project with its volumes."""
        self.run("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


class Project(Compose):
    """A project of docker-compose.yml, and of files that override it in part."""

    def __init__(self, name: str, env_file: Path, overrides: Sequence[Path] = ()) -> None:
        super().__init__(name, env_file, ("docker-compose.yml", *overrides))
        self.image = f"ntm-coordination:{name}"
        subprocess.run([ROOT / "deploy/write-env", env_file], check=True, stdout=subprocess.DEVNULL)
        self._in_a_file("NTM_LINK_SECRET")
        ports = {f"NTM_{part}_PORT": str(free_port()) for part in _PORTS}
        images = {"NTM_IMAGE": self.image, "NTM_PDF_IMAGE": self.image}  # its service runs without LibreOffice too
        self.set(**images, **ports)
        self.settings = dict(line.split("=", 1) for line in env_file.read_text().splitlines() if "=" in line)

    def url(self, part: str, scheme: str = "http") -> str:
        """Return the address at which Docker publishes a part's port."""
        return f"{scheme}://127.0.0.1:{self.settings[f'NTM_{part.upper()}_PORT']}"

    def _in_a_file(self, secret: str) -> None:
        """Put a secret into a file, which the setting with `_FILE` names."""
        file, text = self.env_file.with_name(secret), self.env_file.read_text()
        [value] = re.findall(rf"^{secret}=(.+)$", text, re.MULTILINE)
        file.write_text(f"{value}\n")
        file.chmod(0o644)
        self.env_file.write_text(text.replace(f"{secret}={value}", f"{secret}_FILE={file}"))


@contextmanager
def project(name: str, *overrides: Path) -> Iterator[Project]:
    """Yield a project; print its logs after a failure, and remove it at the end with its volumes and its image."""
    with TemporaryDirectory() as directory:
        made = Project(name, Path(directory) / "env", overrides)
        try:
            yield made
        except BaseException:
            sys.stderr.write(made.run("ps", "--all") + made.run("logs", "--no-color", "--tail", "40"))
            raise
        finally:
            made.remove()
            subprocess.run(["docker", "image", "rm", "--force", made.image], check=False, capture_output=True)


def killed(container: str) -> None:
    """Kill the only process of a container from within: the engine does not restart what it kills itself."""
    kill = "kill -9 $(cat /proc/1/task/1/children)"
    subprocess.run(["docker", "exec", container, "sh", "-c", kill], check=True)


def restarts(container: str) -> int:
    """Return how often the engine has started a container again."""
    asked = ["docker", "inspect", "--format", "{{.RestartCount}}", container]
    return int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
