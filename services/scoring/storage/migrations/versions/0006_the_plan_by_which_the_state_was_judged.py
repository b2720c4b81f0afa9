"""the plan by which the state was judged"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "plan",
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan"),
        schema="scoring",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("plan", schema="scoring")
