"""Alembic's entry: the tables of access."""

from shared.access import tables as tables
from shared.postgres.migrations import run_migrations

run_migrations()
