"""parked messages are replayed or dropped"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    columns = (
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.String(), server_default="parked", nullable=False),
        sa.Column("settled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("dropped_by", sa.String(), nullable=True),
        sa.Column("drop_reason", sa.String(), nullable=True),
    )
    for column in columns:
        op.add_column("parked", column, schema="notify")
    op.create_unique_constraint("parked_number_key", "parked", ["number"], schema="notify")


def downgrade() -> None:
    """Go back."""
    for name in ("drop_reason", "dropped_by", "settled_at", "state", "headers", "number"):
        op.drop_column("parked", name, schema="notify")
