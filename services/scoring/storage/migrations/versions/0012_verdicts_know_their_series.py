"""verdicts know the break after which their figures were counted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("status", "target")


def upgrade() -> None:
    """Go forward."""
    for table in _TABLES:
        op.add_column(table, sa.Column("series_from", sa.Date(), nullable=True), schema="scoring")


def downgrade() -> None:
    """Go back."""
    for table in _TABLES:
        op.drop_column(table, "series_from", schema="scoring")
