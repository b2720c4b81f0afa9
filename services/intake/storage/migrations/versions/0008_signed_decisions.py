"""messages of reviews and withdrawals to the byte, with their signatures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("review", "withdrawal")


def upgrade() -> None:
    """Go forward."""
    for table in _TABLES:
        op.add_column(table, sa.Column("message", sa.String(), nullable=True), schema="intake")
        op.add_column(table, sa.Column("signature", sa.String(), nullable=True), schema="intake")


def downgrade() -> None:
    """Go back."""
    for table in _TABLES:
        op.drop_column(table, "signature", schema="intake")
        op.drop_column(table, "message", schema="intake")
