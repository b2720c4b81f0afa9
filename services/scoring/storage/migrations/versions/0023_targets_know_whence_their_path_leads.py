"""targets know a day before which no value leads their path, so that judging need not look for it through the year

A program of before, which may still run beside this one while they are exchanged, does not know the column: where it
moves a sum, or judges by it, nobody knows the day. Ours say by `ntm.knows_paths` that they know it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("target", sa.Column("path_from", sa.Date()), schema="scoring")
    op.execute(
        """
        CREATE FUNCTION scoring.forget_path_from() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.path_from = NULL;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER path_from_forgotten BEFORE UPDATE ON scoring.target FOR EACH ROW "
        "WHEN (current_setting('ntm.knows_paths', true) IS DISTINCT FROM 'yes') "
        "EXECUTE FUNCTION scoring.forget_path_from()"
    )


def downgrade() -> None:
    """Go back."""
    op.execute("DROP FUNCTION scoring.forget_path_from() CASCADE")
    op.drop_column("target", "path_from", schema="scoring")
