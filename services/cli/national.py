"""`ntm nats national`: the national office's server, with a mirror of what each province tells of its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from services.cli.console import console, fail, run
from services.cli.migrate import FAULTS
from services.cli.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.nats import national
from shared.nats.connection import connected
from shared.nats.national_mirrors import ProvinceMirror, ensure_national_mirrors
from shared.nats.users import (
    WrongDirectoryError,
    link_file,
    make_national_users,
    provinces_of,
    seed_file,
    server_file,
)
from shared.settings import Settings
from shared.texts import filled

app = typer.Typer(no_args_is_help=True, help="Máy chủ NATS của trung ương. / The national office's server.")

_PATIENCE_SECONDS = 30

Directory = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The directory of its users.")]


@app.command("users")
def users(
    directory: Directory,
    address: Annotated[
        str, typer.Option("--at", metavar="URL", help="Where provinces reach it, such as nats-leaf://HOST:7422.")
    ],
    province: Annotated[list[str], typer.Option(help="The code of a province, two digits; may be repeated.")],
    ca_file: Annotated[
        str | None, typer.Option(help="The authorities that vouch for it, as a file of the provinces' servers.")
    ] = None,
) -> None:
    """Make the users of the national server that are missing, in DIR/server/users.conf, with those of these provinces.

    The configuration of a province's server includes DIR/province-CODE/national.conf, which holds a secret.
    """
    try:
        made = make_national_users(directory, province, address, ca_file)
    except ValueError as error:
        raise fail(filled(phrase("nats.no_province"), reason=error).in_both, 2) from None
    except WrongDirectoryError:
        raise fail(filled(phrase("nats.not_national"), directory=directory).in_both, 2) from None
    for name in made:
        console.print(name, highlight=False)
    for code in province:
        file = link_file(directory, national.province(code).name)
        console.print(filled(phrase("nats.link"), province=code, file=file).in_both, highlight=False)
    console.print(filled(phrase("nats.reload"), file=server_file(directory)).in_both, highlight=False)


@app.command("mirrors")
def mirrors(
    directory: Directory,
    dry_run: Annotated[bool, typer.Option(help="Only say what is wrong.")] = False,
) -> None:
    """Make the provinces' mirrors that are missing or wrong, on the server that NTM_NATS_URL names; say how each is.

    Exit status 1 where a province does not answer, or a mirror is still missing or wrong.
    """
    seed = seed_file(directory, national.MIGRATE)
    # the office has no database; all else of the environment holds, such as NTM_NATS_CA_FILE
    settings = Settings(database_url=SecretStr("postgresql+asyncpg://nobody:none@localhost/none"), nats_seed_file=seed)
    found = run(_ensure(settings, provinces_of(directory), dry_run=dry_run))
    for mirror in found:
        is_well = not _is_wrong(mirror)
        console.print(_words(mirror).in_both, style="green" if is_well else "red", highlight=False, soft_wrap=True)
    if any(map(_is_wrong, found)):
        raise typer.Exit(1)


async def _ensure(settings: Settings, provinces: Sequence[str], *, dry_run: bool) -> list[ProvinceMirror]:
    async with connected(settings, "ntm-national-mirrors", _PATIENCE_SECONDS) as manager:
        return await ensure_national_mirrors(manager, provinces, dry_run=dry_run)


def _is_wrong(mirror: ProvinceMirror) -> bool:
    return mirror.is_away or (not mirror.is_made and (mirror.is_missing or mirror.fault is not None))


def _words(mirror: ProvinceMirror) -> Bilingual:
    if mirror.is_away:
        words = filled(phrase("nats.province_away"), province=mirror.province)
    elif mirror.fault is not None:
        words = filled(phrase("nats.mirror_wrong"), province=mirror.province, fault=FAULTS[mirror.fault])
    elif mirror.is_missing:
        words = filled(phrase("nats.mirror_missing"), province=mirror.province)
    else:
        return filled(phrase("nats.mirror_well"), province=mirror.province, behind=mirror.behind)
    return filled(phrase("nats.mirror_made"), words=words) if mirror.is_made else words
