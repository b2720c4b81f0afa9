"""silences are given for oneself"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: silences that still hold keep nothing from offices above their units, and end within 31 days.

    Who made one is not known any more, so those that name units silence the offices of these units alone.
    """
    for name in ("own_units", "own_criteria"):
        op.add_column("silence", sa.Column(name, postgresql.JSONB(), nullable=True), schema="notify")
    op.execute(
        "UPDATE notify.silence SET own_units = match->'under', own_criteria = '[\"*\"]' "
        "WHERE ends_at > now() AND match->'under' IS NOT NULL"
    )
    op.execute(
        "UPDATE notify.silence SET ends_at = least(ends_at, greatest(starts_at, now()) + interval '31 days') "
        "WHERE ends_at > now()"
    )


def downgrade() -> None:
    """Go back."""
    for name in ("own_units", "own_criteria"):
        op.drop_column("silence", name, schema="notify")
