"""agencies and keys move to access

Migrations 0001 and 0002 made these tables here. In a database that is filled they move to schema `access`, with all
rows, constraints and indexes. Views keep their old names here, through which processes of the version before read and
write until they are replaced; a later migration may drop the views. In a new database `access` has made its tables
already, and those here are empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    if op.get_bind().scalar(sa.text("SELECT to_regclass('access.agency') IS NOT NULL")):
        _drop_empty_tables()
        return
    op.execute("CREATE SCHEMA IF NOT EXISTS access")
    op.execute("LOCK TABLE intake.access_key, intake.agency")  # in the order in which signing in reads them
    op.execute("ALTER TABLE intake.access_key SET SCHEMA access")
    op.execute("ALTER TABLE intake.agency SET SCHEMA access")
    op.execute("ALTER INDEX access.ix_intake_access_key_agency RENAME TO ix_access_access_key_agency")
    op.execute("CREATE VIEW intake.access_key AS SELECT * FROM access.access_key")
    op.execute("CREATE VIEW intake.agency AS SELECT * FROM access.agency")


def _drop_empty_tables() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM intake.agency)")):
        raise RuntimeError("agencies stand in intake.agency and in access.agency: bring them together, then migrate")
    op.drop_table("access_key", schema="intake")
    op.drop_table("agency", schema="intake")


def downgrade() -> None:
    """Go back."""
    op.execute("DROP VIEW IF EXISTS intake.access_key, intake.agency")
    op.execute("ALTER TABLE access.agency SET SCHEMA intake")
    op.execute("ALTER TABLE access.access_key SET SCHEMA intake")
    op.execute("ALTER INDEX intake.ix_access_access_key_agency RENAME TO ix_intake_access_key_agency")
