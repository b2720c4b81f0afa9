"""Alembic's entry: the tables of intake."""

from shared import access as access
from shared.database import run_migrations

run_migrations()
