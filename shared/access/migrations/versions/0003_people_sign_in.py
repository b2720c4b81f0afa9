"""people sign in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. No key leads to `access.agency`: in an old database intake's migration 0004 moves it here later."""
    op.create_table(
        "account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("units", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("criteria", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("one_time_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_sign_in_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        schema="access",
    )
    op.create_index(op.f("ix_access_account_agency"), "account", ["agency"], unique=False, schema="access")
    op.create_table(
        "session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("began_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["access.account.name"]),
        sa.PrimaryKeyConstraint("token_hash"),
        schema="access",
    )
    op.create_index(op.f("ix_access_session_account"), "session", ["account"], unique=False, schema="access")
    op.create_table(
        "sign_in_tries",
        sa.Column("name_hash", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name_hash"),
        schema="access",
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("sign_in_tries", schema="access")
    op.drop_table("session", schema="access")
    op.drop_table("account", schema="access")
