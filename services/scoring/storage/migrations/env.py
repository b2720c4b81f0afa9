"""Alembic's entry: the tables of scoring."""

from services.scoring.storage import tables as tables
from shared.postgres.migrations import run_migrations

run_migrations()
