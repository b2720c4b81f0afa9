"""`ntm nats`: the users of the broker."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from services.cli import national
from services.cli.agency import agency_id
from services.cli.console import console, fail
from services.cli.options import size_in_bytes
from services.cli.texts import phrase
from shared.nats.store_limits import room_of
from shared.nats.users import (
    AGENCY,
    UnknownUserError,
    adopt_streams,
    make_users,
    remove,
    renew,
    renew_signing,
    retire,
    retire_signing,
    server_file,
)
from shared.texts import filled
from shared.time import utc_now

app = typer.Typer(no_args_is_help=True, help="Tài khoản trên NATS. / The users of the broker.")
app.add_typer(national.app, name="national")


@app.command("users")
def users(
    directory: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The directory of the users.")],
    agency: Annotated[list[str], typer.Option(help="An agency whose systems send over NATS; may be repeated.")] = [],  # noqa: B006
    renewed: Annotated[
        list[str], typer.Option("--renew", metavar="USER", help="Make a new key; the one before stays good.")
    ] = [],  # noqa: B006
    retired: Annotated[
        list[str], typer.Option("--retire", metavar="USER", help="Take only the newest key from now on.")
    ] = [],  # noqa: B006
    keys: Annotated[
        list[str], typer.Option("--renew-signing", metavar="STREAM", help="Sign the stream's messages by a new key.")
    ] = [],  # noqa: B006
    stolen: Annotated[
        list[str],
        typer.Option("--retire-signing", metavar="STREAM", help="The same, and the keys before prove nothing later."),
    ] = [],  # noqa: B006
    stolen_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"],
            help="The moment from which on they prove nothing, such as 2026-03-01T08:00:00+0700; else now.",
        ),
    ] = None,
    removed: Annotated[
        list[str], typer.Option("--remove", metavar="USER", help="Remove an agency's user, agency-ID, or a province's.")
    ] = [],  # noqa: B006
) -> None:
    """Make the broker's users that are missing, each with what it may do, in DIR/server/users.conf.

    The server's configuration includes that file, and takes it up by SIGHUP. DIR/USER/USER.nk has a user's seed, and
    DIR/USER/STREAM.keys has the keys by which its program signs and verifies messages.
    """
    if stolen_at is not None and (not stolen or stolen_at > utc_now()):
        raise fail(phrase("nats.stolen_at").in_both, 2)
    made = make_users(directory, [agency_id(name) for name in agency])
    retire_keys = partial(retire_signing, at=stolen_at or utc_now())
    changes = ((renew, renewed), (retire, retired), (remove, removed), (renew_signing, keys), (retire_keys, stolen))
    for change, names in changes:
        for name in names:
            try:
                change(directory, name)
            except UnknownUserError:
                words = filled(phrase("nats.unknown_user"), user=name, directory=directory)
                raise fail(words.in_both, 2) from None
    for name in made:
        console.print(name, highlight=False)
    has_new_agency = any(name.startswith(AGENCY) for name in made)
    reload = phrase("nats.reload_twice") if has_new_agency else phrase("nats.reload")
    words = filled(reload, file=server_file(directory))
    console.print(words.in_both, highlight=False)


@app.command("adopt")
def adopt(
    store: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The server's store directory.")],
) -> None:
    """Hand the streams of a stopped server that had no users to the account of the streams. Safe to repeat."""
    if adopt_streams(store):
        words = filled(phrase("nats.adopted"), store=store)
        console.print(words.in_both, highlight=False)


@app.command("limit")
def limit(
    store: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The server's store directory.")],
    size: Annotated[
        str | None, typer.Option(envvar="NTM_NATS_STORE_BYTES", help="The limit that is wished, such as 20GB.")
    ] = None,
) -> None:
    """Write the limit of the server's store to DIR/limit.conf, which its configuration includes: what the disk allows.

    That is at most what the store holds and 80 % of what is free, but no less than its streams have reserved; the share
    of 40 % where no limit is wished.
    """
    room = room_of(store)
    wanted = size_in_bytes(size) or room.usual_limit
    given = room.limit(wanted)
    (store / "limit.conf").write_text(f"max_file_store: {given}\n")
    if given > room.largest_limit:
        words = filled(phrase("nats.limited_by_streams"), bytes=given, room=room.largest_limit)
    elif given < wanted:
        words = filled(phrase("nats.limited_by_disk"), bytes=given, wanted=wanted)
    else:
        words = filled(phrase("nats.limited"), bytes=given)
    console.print(words.in_both, highlight=False)
