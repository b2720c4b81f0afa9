"""verdicts know whether their figures contradict each other"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    column: sa.Column[bool] = sa.Column("contradictory", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("status", column, schema="scoring")


def downgrade() -> None:
    """Go back."""
    op.drop_column("status", "contradictory", schema="scoring")
