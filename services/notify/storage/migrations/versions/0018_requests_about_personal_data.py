"""requests about contacts' own data"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlmodel.sql.sqltypes import AutoString

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "personal_data",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("contact", sa.Uuid(), nullable=False),
        sa.Column("role", AutoString(), nullable=False),
        sa.Column("unit", AutoString(), nullable=False),
        sa.Column("asked_by", AutoString(), nullable=False),
        sa.Column("reference", AutoString(), nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("carry_out_by", sa.Date(), nullable=False),
        sa.Column("done_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("done_by", AutoString(), nullable=False),
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        schema="notify",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("personal_data", schema="notify")
