"""Alembic's entry: the tables of intake."""

from services.intake.storage import tables as tables
from shared.postgres.migrations import run_migrations

run_migrations()
