"""submissions keep their signature"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a process of the version before may go on storing submissions without it."""
    op.add_column("submission", sa.Column("signature", sa.String(), nullable=True), schema="scoring")


def downgrade() -> None:
    """Go back."""
    op.drop_column("submission", "signature", schema="scoring")
