"""evidence: files and links of figures and criteria"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("submission", sa.Uuid(), nullable=True),
        sa.Column("withdraws", sa.Uuid(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="intake",
    )
    op.create_index("evidence_unit", "evidence", ["unit", "period"], schema="intake")
    for column in ("submission", "withdraws"):
        op.create_index(f"ix_intake_evidence_{column}", "evidence", [column], schema="intake")


def downgrade() -> None:
    """Go back."""
    op.drop_table("evidence", schema="intake")
