"""troubles of the system"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "operation",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        *(
            sa.Column(name, postgresql.JSONB(none_as_null=True), nullable=name == "details")
            for name in ("words", "remedy", "details")
        ),
        *(
            sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=name not in ("since", "heard_at"))
            for name in ("since", "heard_at", "cleared_at", "told_at", "last_told_at")
        ),
        sa.PrimaryKeyConstraint("service", "code", "way"),
        schema="notify",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("operation", schema="notify")
