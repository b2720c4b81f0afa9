"""silences mean the units of their day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: silences that still hold go on as before, by their codes alone."""
    op.add_column("silence", sa.Column("given_on", sa.Date(), nullable=True), schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_column("silence", "given_on", schema="notify")
