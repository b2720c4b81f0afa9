"""verdicts know which reports had come, so that the next one need not look at all figures

A program of before, which may still run beside this one while they are exchanged, does not know the columns: what it
judges is marked as not looked at. Ours say by `ntm.knows_reports` that they know them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: readings first and then statuses, as workers lock them."""
    op.create_index(
        "reading_known_early",
        "reading",
        ["unit", "element"],
        schema="scoring",
        postgresql_where=sa.text("known_from < ends"),
    )
    op.add_column("status", sa.Column("reported_from", sa.Date()), schema="scoring")
    op.add_column("status", sa.Column("reported", JSONB(none_as_null=True)), schema="scoring")
    op.execute(
        """
        CREATE FUNCTION scoring.forget_reports() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.reported = NULL;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER reports_forgotten BEFORE UPDATE ON scoring.status FOR EACH ROW "
        "WHEN (current_setting('ntm.knows_reports', true) IS DISTINCT FROM 'yes') "
        "EXECUTE FUNCTION scoring.forget_reports()"
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("reading_known_early", schema="scoring")
    op.execute("DROP FUNCTION scoring.forget_reports() CASCADE")
    op.drop_column("status", "reported", schema="scoring")
    op.drop_column("status", "reported_from", schema="scoring")
