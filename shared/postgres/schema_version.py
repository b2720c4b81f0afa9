"""Whether a program can work on the schemas as they are: they may be older, or newer in a way that it does not know.

Programs of two versions run beside each other while they are exchanged, so that a migration only adds, and what it
makes superfluous is removed a version later. One that an older program cannot work beside says so by
`BREAKS_OLDER_PROGRAMS = True`; `migrate` then notes its number at the schema, where an older program finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase

_NOTE = "ntm: programs that know migration "

_EXIST = text("SELECT nspname FROM pg_namespace WHERE to_regclass(format('%I.alembic_version', nspname)) IS NOT NULL")


def migrations_of(package: str) -> Path:
    """Return the folder with the migrations of a package, such as `services.intake.storage`."""
    return Path(*import_module(package).__path__) / "migrations"


def numbers_of(package: str) -> list[str]:
    """Return the numbers of a package's migrations, oldest first."""
    return sorted(path.name[:4] for path in (migrations_of(package) / "versions").glob("[0-9]*.py"))


def note(schema: str, number: str) -> str:
    """Return the statement that notes the migration that a program has to know to work on a schema."""
    return f"COMMENT ON SCHEMA \"{schema}\" IS '{_NOTE}{number}'"


async def misfit(connection: AsyncConnection, newest: Mapping[str, str]) -> Bilingual | None:
    """Say why a program cannot work on these schemas, and what to do; None where it can.

    `newest`: by schema, the number of the newest migration that the program knows.
    """
    existing = set((await connection.execute(_EXIST)).scalars())
    for schema, known in newest.items():
        if schema not in existing:
            return filled(phrase("schema_version.older"), schema=schema, number="0000", known=known)
        query = f'SELECT version_num, obj_description(\'"{schema}"\'::regnamespace) FROM "{schema}".alembic_version'  # noqa: S608
        number, comment = (await connection.execute(text(query))).one()
        needed = (comment or "").removeprefix(_NOTE)
        if number < known:
            return filled(phrase("schema_version.older"), schema=schema, number=number, known=known)
        if needed != comment and needed > known:
            return filled(phrase("schema_version.newer"), schema=schema, number=needed, known=known)
    return None
