"""times of notices and attempts by the services' clock, and the real ones beside them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: the moment that people read may be a simulated clock's; the real one stands beside it."""
    op.add_column("notice", sa.Column("made_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")
    op.add_column("attempt", sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True), schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_column("attempt", "ended_at", schema="notify")
    op.drop_column("notice", "made_at", schema="notify")
