"""Alembic's entry: the tables of notify."""

from services.notify.storage import tables as tables
from shared.postgres.migrations import run_migrations

run_migrations()
