"""The program starts at once: a command loads only the libraries that it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from services.cli.main import COMMANDS, Lazy, app, load

HEAVY = {"alembic", "asyncpg", "fastapi", "faststream", "nats", "openpyxl", "sqlalchemy", "sqlmodel"}


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level packages that the program has imported when it ends."""
    program = (
        "import sys; from services.cli.main import app; sys.argv = ['ntm', *sys.argv[1:]]\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True
    ).stdout
    return set(output.splitlines()[-1].split())


def test_help_loads_nothing_of_the_commands() -> None:
    assert loaded_by("--help").isdisjoint(HEAVY | {"httpx", "pydantic", "shared"})


def test_where_the_communes_stand_is_asked_over_http_alone() -> None:
    loaded = loaded_by("status", "--key", "ntm_x", "--data", "/nonexistent")
    assert "httpx" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(command: Lazy) -> None:
    loaded = load(command)
    assert " ".join((loaded.help or "").partition("\n\n")[0].split()) == command.help
    assert loaded.name == command.name


def test_a_command_that_does_not_exist_is_named() -> None:
    result = CliRunner().invoke(app, ["nonsense"])
    assert result.exit_code == 2
    assert "No such command 'nonsense'" in result.output
