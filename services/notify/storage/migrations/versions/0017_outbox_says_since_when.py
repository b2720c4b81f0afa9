"""the outbox says since when a message waits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: programs of before name no moment, and the database notes it for them too."""
    moment = sa.Column("stored_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=True)
    op.add_column("outbox", moment, schema="notify")


def downgrade() -> None:
    """Go back."""
    op.drop_column("outbox", "stored_at", schema="notify")
