"""submissions are kept to the byte"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a process of the version before may go on storing its JSON."""
    op.execute("ALTER TABLE scoring.submission ALTER COLUMN body TYPE text USING CAST(body AS text)")


def downgrade() -> None:
    """Go back."""
    op.execute("ALTER TABLE scoring.submission ALTER COLUMN body TYPE jsonb USING CAST(body AS jsonb)")
