"""the last submission of a unit is found by an index"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index("submission_unit", "submission", ["unit", "sequence"], schema="intake")


def downgrade() -> None:
    """Go back."""
    op.drop_index("submission_unit", "submission", schema="intake")
