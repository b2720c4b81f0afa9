"""targets know the first day on which their sums moved, so that judging need not follow the year again

A program of before, which may still run beside this one while they are exchanged, does not know the column: where it
moves a sum, or judges by it, nobody knows the day (see 0021).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("target", sa.Column("moved_from", sa.Date()), schema="scoring")
    op.execute(
        """
        CREATE FUNCTION scoring.forget_moved_from() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.moved_from = NULL;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER moved_from_forgotten BEFORE UPDATE ON scoring.target FOR EACH ROW "
        "WHEN (current_setting('ntm.knows_reports', true) IS DISTINCT FROM 'yes') "
        "EXECUTE FUNCTION scoring.forget_moved_from()"
    )


def downgrade() -> None:
    """Go back."""
    op.execute("DROP FUNCTION scoring.forget_moved_from() CASCADE")
    op.drop_column("target", "moved_from", schema="scoring")
