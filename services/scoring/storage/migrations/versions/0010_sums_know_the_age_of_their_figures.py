"""sums know the age of their figures, and compare the same communes: they are filled again at the next start"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.execute(
        "INSERT INTO scoring.refill (name) SELECT 'step' WHERE EXISTS (SELECT FROM scoring.reading) "
        "ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    """Go back; the sums are filled again by the version before, should it be started."""
    op.execute(
        "INSERT INTO scoring.refill (name) SELECT 'step' WHERE EXISTS (SELECT FROM scoring.reading) "
        "ON CONFLICT DO NOTHING"
    )
