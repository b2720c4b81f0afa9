"""contacts on leave"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: a contact on leave names who stands in, from one day to another."""
    op.add_column("contact", sa.Column("away_from", sa.Date(), nullable=True), schema="notify")
    op.add_column("contact", sa.Column("away_until", sa.Date(), nullable=True), schema="notify")
    op.add_column("contact", sa.Column("substitute", sa.String(), nullable=True), schema="notify")


def downgrade() -> None:
    """Go back."""
    for name in ("substitute", "away_until", "away_from"):
        op.drop_column("contact", name, schema="notify")
