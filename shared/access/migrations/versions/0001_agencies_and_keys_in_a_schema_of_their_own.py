"""agencies and keys in a schema of their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, unless they exist: in schema `intake` until its migration 0004 moves them here."""
    exist = sa.text("SELECT coalesce(to_regclass('access.agency'), to_regclass('intake.agency')) IS NOT NULL")
    if op.get_bind().scalar(exist):
        return
    op.create_table(
        "agency",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="access",
    )
    op.create_table(
        "access_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("units", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("criteria", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.String(), nullable=True),
        sa.Column("rate_per_minute", sa.Integer(), server_default="6000", nullable=False),
        sa.Column("last_used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["access.agency.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema="access",
    )
    op.create_index(op.f("ix_access_access_key_agency"), "access_key", ["agency"], unique=False, schema="access")


def downgrade() -> None:
    """Go back."""
    op.drop_table("access_key", schema="access")
    op.drop_table("agency", schema="access")
