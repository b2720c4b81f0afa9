"""commitments may be overdue"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    column = sa.Column("overdue", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=True)
    op.add_column("target", column, schema="scoring")
    # what was judged until now was not late; what comes new says so itself
    op.alter_column("target", "overdue", server_default=None, schema="scoring")


def downgrade() -> None:
    """Go back."""
    op.drop_column("target", "overdue", schema="scoring")
